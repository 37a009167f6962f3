// What init reports, in the words that callers know and with the place in config.json.
import { describeShortage, readOutOfMemory, readShortage, smallestLimit } from "../cgroup/oom.ts";
import { type ErrorCode, TsrunError } from "../errors.ts";
import { errnoName, errnoText } from "../errno.ts";
import type { Exit } from "../native.ts";
import type { Plan, PlannedOp } from "../plan/plan.ts";
import type { Spec } from "../spec/types.ts";
import type { OpReport } from "./sync.ts";

/** What callers know the words of init's failures to begin with. */
function prefixOf({ kind }: Plan): string {
  const start = "unable to start container process";
  return kind === "exec" ? start : `${start}: error during container init`;
}

/** The error for an op that failed in init. */
export function opFailure(plan: Plan, report: OpReport, spec: Spec): TsrunError {
  const op = plan.ops[report.op];
  const prefix = prefixOf(plan);
  if (op === undefined) {
    return new TsrunError("INIT", `${prefix}: ${reasonOf(report)}`, {
      errno: errnoName(report.errno),
    });
  }
  return new TsrunError(codeOf(op), `${prefix}: ${describeOp(op, report, spec)}`, {
    errno: errnoName(report.errno),
    pointer: op.origin === "" ? undefined : op.origin,
    hint: hintFor(plan, op, report),
  });
}

function hintFor(plan: Plan, op: PlannedOp, report: OpReport): string | undefined {
  if (errnoName(report.errno) === "ENOMEM") return outOfMemoryHint;
  if (op.op === "lsm_exec" && op.lsm === "apparmor" && errnoName(report.errno) === "ENOENT")
    return `the profile ${op.label} is not loaded: apparmor_parser FILE loads it`;
  const maps = plan.host.idMaps;
  if (op.op !== "attach_root" || maps === undefined || errnoName(report.errno) !== "EACCES") return;
  const root = maps.uid.find(({ containerID }) => containerID === 0)?.hostID;
  return `the root of the user namespace (uid ${root} of the host) must be able to pass all directories on the way: chmod o+x`;
}

/** The text of a warning: an op that the container can do without. */
export function opWarning(plan: Plan, report: OpReport): string {
  const what = plan.ops[report.op]?.what;
  const reason = reasonOf(report);
  return what === undefined ? reason : `${what}: ${reason}`;
}

function describeOp(op: PlannedOp, report: OpReport, spec: Spec): string {
  const reason = reasonOf(report);
  if (op.op === "find_program")
    return report.complete ? reason : describeProgram(op.file ?? "", report.errno);
  if (op.op === "lsm_exec" && op.lsm === "apparmor")
    return `unable to apply apparmor profile: apparmor failed to apply profile: ${reason}`;
  if (op.op === "exec") return `exec ${op.args[0]}: ${errnoText(report.errno)}`;
  if (op.op === "chdir") {
    return `chdir to cwd (${JSON.stringify(op.path)}) set in config.json failed: ${report.complete ? report.text : errnoText(report.errno)}`;
  }
  const mount = /^\/mounts\/(\d+)/.exec(op.origin)?.[1];
  const wanted = mount === undefined ? undefined : spec.mounts?.[Number(mount)];
  if (wanted !== undefined) {
    const source = wanted.source ?? wanted.type ?? "";
    return `error mounting ${JSON.stringify(source)} to rootfs at ${JSON.stringify(wanted.destination)}: ${reason}`;
  }
  return `${op.what}: ${reason}`;
}

function describeProgram(file: string, errno: number): string {
  const name = `exec: ${JSON.stringify(file)}`;
  if (errnoName(errno) !== "ENOENT") return `${name}: ${errnoText(errno)}`;
  return file.includes("/")
    ? `${name}: stat ${file}: ${errnoText(errno)}`
    : `${name}: executable file not found in $PATH`;
}

function codeOf(op: PlannedOp): ErrorCode {
  return op.op === "find_program" || op.op === "exec" ? "EXEC" : "INIT";
}

function reasonOf({ text, errno, complete }: OpReport): string {
  if (complete || errno === 0) return text;
  return text === "" ? errnoText(errno) : `${text}: ${errnoText(errno)}`;
}

/** The error for an init that could not even be executed: the kernel says so in several ways when a cgroup has no memory for it. */
export function spawnFailure(error: unknown, cgroupPath: string | undefined): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (cgroupPath === undefined || (code !== "ENOMEM" && code !== "E2BIG")) return error;
  const shortage = readShortage(cgroupPath);
  if (shortage.limited === null) return error;
  return new TsrunError(
    "INIT",
    `unable to start container process: no memory for container init (memory limit too low?): ${describeShortage(shortage, cgroupPath)}`,
    { pointer: "/linux/resources/memory/limit", hint: outOfMemoryHint, errno: code, cause: error },
  );
}

/** The error for an init that ended without a word. */
export function initDeath(exit: Exit, cgroupPath: string | undefined): TsrunError {
  const oom = exit.signaled && exit.code === 9 && cgroupPath && readOutOfMemory(cgroupPath);
  if (oom && cgroupPath) {
    return new TsrunError(
      "INIT",
      `unable to start container process: container init was OOM-killed (memory limit too low?): ${describeShortage(oom, cgroupPath)}`,
      { pointer: "/linux/resources/memory/limit", hint: outOfMemoryHint },
    );
  }
  const how = exit.signaled
    ? `was killed by signal ${exit.code}`
    : `ended with status ${exit.code}`;
  return new TsrunError(
    "INIT",
    `unable to start container process: container init ${how} before it was ready`,
    {
      hint:
        exit.signaled && exit.code === 31
          ? "SIGSYS: the seccomp profile forbids a system call that is needed to start a program"
          : undefined,
    },
  );
}

/** What a person can do about a limit that is too low. */
export const outOfMemoryHint = `the smallest limit known to work, for /bin/true, is ${smallestLimit} bytes; a program needs what it needs besides`;
