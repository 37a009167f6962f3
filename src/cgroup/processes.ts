import { SIGKILL } from "../linux.ts";
import { isErrno, listChildren, readCgroupFile, writeCgroupFile } from "./files.ts";

/** All processes of a cgroup and of the cgroups below it; none when it is gone. */
export function cgroupProcesses(path: string): number[] {
  const below = listChildren(path).flatMap((child) => cgroupProcesses(`${path}/${child}`));
  return [...new Set([...ownProcesses(path), ...below])];
}

function ownProcesses(path: string): number[] {
  let text: string | undefined;
  try {
    text = readCgroupFile(`${path}/cgroup.procs`);
  } catch (error) {
    // A threaded cgroup lists threads alone.
    if (!isErrno(error, "EOPNOTSUPP", "ENOTSUP")) throw error;
    return numbers(readCgroupFile(`${path}/cgroup.threads`)).map(leaderOf);
  }
  return numbers(text);
}

function leaderOf(thread: number): number {
  const status = readCgroupFile(`/proc/${thread}/status`) ?? "";
  return Number(/^Tgid:\s*(\d+)/m.exec(status)?.[1] ?? thread);
}

function numbers(text: string | undefined): number[] {
  return (text ?? "")
    .split("\n")
    .filter((line) => line !== "")
    .map(Number);
}

/** Whether any process is alive in it or below. */
export function isPopulated(path: string): boolean {
  return /^populated 1$/m.test(readCgroupFile(`${path}/cgroup.events`) ?? "");
}

/** Whether it has been asked to freeze; what an ancestor does is not its own state. */
export function isFrozen(path: string): boolean {
  return readCgroupFile(`${path}/cgroup.freeze`)?.trim() === "1";
}

/** Sends a signal to every process of a cgroup and below; SIGKILL reaches even those being forked. */
export function killCgroup(path: string, signal: number): void {
  if (signal === SIGKILL && killAtOnce(path)) return;
  for (const pid of cgroupProcesses(path)) sendSignal(pid, signal);
}

function killAtOnce(path: string): boolean {
  try {
    writeCgroupFile(`${path}/cgroup.kill`, "1");
    return true;
  } catch (error) {
    if (isErrno(error, "ENODEV")) return true;
    // No such cgroup: nobody to kill. A threaded one takes no cgroup.kill: its processes are killed one by one.
    if (isErrno(error, "ENOENT", "EOPNOTSUPP", "ENOTSUP")) return false;
    throw error;
  }
}

function sendSignal(pid: number, signal: number): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!isErrno(error, "ESRCH")) throw error;
  }
}
