import {
  seccompActions,
  seccompArchitectures,
  seccompFlags,
  seccompOperators,
} from "../tables.ts";
import type { Seccomp, SeccompSyscall } from "../types.ts";
import { type Build, isObject, leaf, leaves, list, object } from "./blocks.ts";
import { oneOf, text, texts, uint, uint64 } from "./leaves.ts";

type Arg = NonNullable<SeccompSyscall["args"]>[number];

const action = oneOf(seccompActions);

const fullSyscalls = list(
  object<SeccompSyscall>(
    {
      names: texts,
      action,
      errnoRet: uint,
      args: list(
        object<Arg>({ index: uint, value: uint64, valueTwo: uint64, op: oneOf(seccompOperators) }, [
          "index",
          "value",
          "op",
        ]),
      ),
    },
    ["names", "action"],
  ),
);

const anything = leaf<SeccompSyscall[]>(() => true, { expected: "anything", rule: "type" });

// Engines write hundreds of names in dozens of rules, nearly all of them alike: rules that are as plain as that
// need no schema.
const syscalls: Build<SeccompSyscall[]> = (value, mode) =>
  mode === "quick" && Array.isArray(value) && value.every(isPlainRule) ? anything : fullSyscalls(value, mode);

function isPlainRule(rule: unknown): boolean {
  if (!isObject(rule)) return false;
  const { names, action, errnoRet, args } = rule;
  return (
    Array.isArray(names) &&
    names.every(isName) &&
    typeof action === "string" &&
    Object.hasOwn(seccompActions, action) &&
    (errnoRet === undefined || isSmall(errnoRet)) &&
    (args === undefined || (Array.isArray(args) && args.every(isPlainArg)))
  );
}

function isPlainArg(arg: unknown): boolean {
  if (!isObject(arg)) return false;
  const { index, value, valueTwo, op } = arg;
  return (
    isSmall(index) &&
    isSmall(value) &&
    (valueTwo === undefined || isSmall(valueTwo)) &&
    typeof op === "string" &&
    Object.hasOwn(seccompOperators, op)
  );
}

function isName(name: unknown): boolean {
  return typeof name === "string" && !name.includes("\0");
}

function isSmall(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** config-linux.md, Seccomp */
export const seccomp: Build<Seccomp> = (value, mode) =>
  object<Seccomp>(
    {
      defaultAction: action,
      defaultErrnoRet: uint,
      architectures: leaves(oneOf(seccompArchitectures)),
      flags: leaves(oneOf(seccompFlags)),
      listenerPath: text,
      listenerMetadata: text,
      syscalls,
    },
    ["defaultAction"],
  )(value, mode);
