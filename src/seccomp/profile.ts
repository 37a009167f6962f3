import { TsrunError } from "../errors.ts";
import type { SeccompProfile, SeccompRule } from "../native.ts";
import {
  seccompActions,
  seccompArchitectures,
  seccompErrnoActions,
  seccompFlags,
  seccompOperators,
} from "../spec/tables.ts";
import type { Seccomp, SeccompSyscall } from "../spec/types.ts";

const base = "/linux/seccomp";
const EPERM = 1;
const NEW_LISTENER = 0x08;

/** linux.seccomp in libseccomp's numbers. Rules that say what the default action says anyway are left out. */
export function convertProfile(seccomp: Seccomp): SeccompProfile {
  const defaultAction = actionNumber(seccomp.defaultAction, seccomp.defaultErrnoRet, [
    `${base}/defaultAction`,
    `${base}/defaultErrnoRet`,
  ]);
  if (seccomp.defaultAction === "SCMP_ACT_NOTIFY") {
    throw invalid(
      "SCMP_ACT_NOTIFY cannot be used as default action",
      `${base}/defaultAction`,
      "name the system calls to notify of in syscalls",
    );
  }
  return {
    defaultAction,
    architectures: (seccomp.architectures ?? []).map((name, index) =>
      lookUp(seccompArchitectures, name, "seccomp architecture", `${base}/architectures/${index}`),
    ),
    rules: (seccomp.syscalls ?? []).flatMap((syscall, index) =>
      convertSyscall(syscall, `${base}/syscalls/${index}`, defaultAction),
    ),
  };
}

/** SECCOMP_FILTER_FLAG_* for seccomp(2). `kernel` is the release, such as "6.1.0-13-amd64". */
export function filterFlags(
  { flags, syscalls }: Pick<Seccomp, "flags" | "syscalls">,
  kernel: string,
): number {
  const notify = usesNotify(syscalls);
  // No list at all asks for the default, an empty one for none.
  const names = flags ?? ["SECCOMP_FILTER_FLAG_SPEC_ALLOW"];
  const given = names.reduce(
    (bits, name, index) => bits | flagNumber(name, `${base}/flags/${index}`, { kernel, notify }),
    0,
  );
  return given | (notify ? NEW_LISTENER : 0);
}

/** Names of the flags that this kernel has, in runc's order. */
export function supportedFlags(kernel: string): string[] {
  const names = [
    "SECCOMP_FILTER_FLAG_TSYNC",
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
    "SECCOMP_FILTER_FLAG_LOG",
  ];
  return hasKillableWait(kernel) ? [...names, "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"] : names;
}

/** Whether any system call is to be handed to a seccomp agent. */
export function usesNotify(syscalls: Seccomp["syscalls"]): boolean {
  return (
    syscalls?.some(({ action, names }) => action === "SCMP_ACT_NOTIFY" && names.length > 0) ?? false
  );
}

function flagNumber(
  name: string,
  pointer: string,
  { kernel, notify }: { kernel: string; notify: boolean },
): number {
  const number = lookUp(seccompFlags, name, "seccomp flag", pointer);
  switch (name) {
    // The filter is installed in a process with one thread.
    case "SECCOMP_FILTER_FLAG_TSYNC":
      return 0;
    case "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV":
      if (!hasKillableWait(kernel)) {
        throw new TsrunError(
          "CONFIG_UNSUPPORTED",
          `seccomp flag ${name} is not supported by this kernel (${kernel})`,
          {
            pointer,
            hint: "it needs Linux 5.19",
          },
        );
      }
      // It is about waiting for an agent; the kernel refuses it where there is none.
      return notify ? number : 0;
    default:
      return number;
  }
}

function hasKillableWait(kernel: string): boolean {
  const [major = 0, minor = 0] = kernel.split(".").map((part) => Number.parseInt(part, 10));
  return major > 5 || (major === 5 && minor >= 19);
}

function convertSyscall(syscall: SeccompSyscall, at: string, defaultAction: number): SeccompRule[] {
  const action = actionNumber(syscall.action, syscall.errnoRet, [`${at}/action`, `${at}/errnoRet`]);
  const args = (syscall.args ?? []).map(({ index, value, valueTwo, op }, position) => {
    const pointer = `${at}/args/${position}`;
    if (!Number.isInteger(index) || index < 0 || index > 5) {
      throw invalid(
        `invalid argument index ${index}`,
        `${pointer}/index`,
        "system calls have arguments 0 to 5",
      );
    }
    return {
      index,
      op: lookUp(seccompOperators, op, "seccomp operator", `${pointer}/op`),
      value: BigInt(value),
      valueTwo: BigInt(valueTwo ?? 0),
    };
  });
  if (syscall.action === "SCMP_ACT_NOTIFY") refuseNotifyOnWrite(syscall.names, at);
  const empty = syscall.names.indexOf("");
  if (empty !== -1)
    throw invalid(
      "empty string is not a valid syscall",
      `${at}/names/${empty}`,
      "name a system call",
    );
  if (action === defaultAction || syscall.names.length === 0) return [];
  const { names } = syscall;
  // libseccomp takes one condition for each argument: several on one argument are alternatives.
  const repeated = new Set(args.map(({ index }) => index)).size < args.length;
  return repeated
    ? args.map((condition) => ({ action, names, args: [condition] }))
    : [{ action, names, args }];
}

/** init says by write(2) that the filter is in place: an agent that is not connected yet would have to allow that. */
function refuseNotifyOnWrite(names: readonly string[], at: string): void {
  const index = names.indexOf("write");
  if (index === -1) return;
  throw invalid(
    "SCMP_ACT_NOTIFY cannot be used for the write syscall",
    `${at}/names/${index}`,
    "take write out of this rule",
  );
}

function actionNumber(
  name: string,
  errnoRet: number | undefined,
  [pointer, errnoPointer]: readonly [string, string],
): number {
  const number = lookUp(seccompActions, name, "seccomp action", pointer);
  if (!(seccompErrnoActions as readonly string[]).includes(name)) return number;
  const errno = errnoRet ?? EPERM;
  if (!Number.isInteger(errno) || errno < 0 || errno > 0xffff)
    throw invalid(`invalid errnoRet ${errno}`, errnoPointer, "use 0 to 4095");
  return number | errno;
}

function lookUp(
  table: Readonly<Record<string, number>>,
  name: string,
  what: string,
  pointer: string,
): number {
  if (Object.hasOwn(table, name)) return table[name]!;
  throw invalid(
    `invalid ${what} ${JSON.stringify(name)}`,
    pointer,
    `known: ${Object.keys(table).join(", ")}`,
  );
}

function invalid(message: string, pointer: string, hint: string): TsrunError {
  return new TsrunError("CONFIG_INVALID", message, { pointer, hint });
}
