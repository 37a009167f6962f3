import { seccompActions, seccompArchitectures, seccompFlags, seccompOperators } from "../tables.ts";
import type { Seccomp, SeccompSyscall } from "../types.ts";
import { type Field, list, object } from "./blocks.ts";
import { oneOf, text, texts, uint, uint64 } from "./leaves.ts";

type Arg = NonNullable<SeccompSyscall["args"]>[number];

const action = oneOf(seccompActions);

const arg = object<Arg>(
  { index: uint, value: uint64, valueTwo: uint64, op: oneOf(seccompOperators) },
  ["index", "value", "op"],
);

const syscall = object<SeccompSyscall>({ names: texts, action, errnoRet: uint, args: list(arg) }, [
  "names",
  "action",
]);

/** config-linux.md, Seccomp */
export const seccomp: Field<Seccomp> = object<Seccomp>(
  {
    defaultAction: action,
    defaultErrnoRet: uint,
    architectures: list(oneOf(seccompArchitectures)),
    flags: list(oneOf(seccompFlags)),
    listenerPath: text,
    listenerMetadata: text,
    syscalls: list(syscall),
  },
  ["defaultAction"],
);
