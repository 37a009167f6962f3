import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { commandLine, livingProcesses } from "./process.ts";

/**
 * What is there of a container, by traces that nothing else on the machine has: its id and the path of its bundle.
 * Counts of everything would be wrong, as other containers come and go meanwhile.
 */
export type Remains = {
  readonly processes: string[];
  readonly mounts: string[];
  readonly cgroups: string[];
  readonly state: string[];
};

export const nothing: Remains = { processes: [], mounts: [], cgroups: [], state: [] };

type Traces = { readonly id: string; readonly bundle: string; readonly root: string };

/** Finds processes, mounts of this mount namespace, cgroups of any hierarchy and the state directory. */
export function remainsOf({ id, bundle, root }: Traces): Remains {
  return {
    processes: livingProcesses()
      .filter((pid) => pid !== process.pid && concerns(pid, [bundle, `${root}/${id}`]))
      .map((pid) => `${pid} ${commandLine(pid)}`),
    mounts: read("/proc/self/mountinfo")
      .split("\n")
      .filter((line) => line.includes(bundle) || line.includes(`${root}/${id}`)),
    cgroups: cgroupsNamed(id),
    state: existsSync(root) ? readdirSync(root).filter((name) => name.includes(id)) : [],
  };
}

/** By its command line, its mounts, its working directory, its root or what it has open. */
function concerns(pid: number, traces: readonly string[]): boolean {
  const has = (text: string): boolean =>
    traces.some(
      (trace) => text.includes(`${trace}/`) || text.includes(`${trace} `) || text.endsWith(trace),
    );
  if (has(commandLine(pid)) || has(read(`/proc/${pid}/mountinfo`).replaceAll("\n", " ")))
    return true;
  return links(pid).some((target) => has(target));
}

function links(pid: number): string[] {
  const fds = list(`/proc/${pid}/fd`).map((fd) => `fd/${fd}`);
  return ["cwd", "root", "exe", ...fds].map((name) => {
    try {
      return readlinkSync(`/proc/${pid}/${name}`);
    } catch {
      return "";
    }
  });
}

/** Directories of this name anywhere in the cgroup trees. */
export function cgroupsNamed(id: string): string[] {
  return find("/sys/fs/cgroup", 4).filter((path) => basename(path) === id);
}

function find(directory: string, depth: number): string[] {
  const below = list(directory, true).map((name) => join(directory, name));
  return depth === 1 ? below : [...below, ...below.flatMap((path) => find(path, depth - 1))];
}

function list(directory: string, directoriesOnly = false): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => !directoriesOnly || entry.isDirectory())
      .map(({ name }) => name);
  } catch {
    return []; // it ended meanwhile
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
