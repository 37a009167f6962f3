import type { Issue } from "./issue.ts";
import { parsePointer } from "./positions.ts";
import type { SpecDraft } from "./rules/rule.ts";

/**
 * The value as runc understands it: a field that is null is a field that is not there, and a seccomp section that
 * neither names a default action nor a syscall is none.
 */
export function normalize(value: unknown, text: string): unknown {
  if (text.includes("null")) dropNulls(value);
  const linux = property(value, "linux");
  const seccomp = property(linux, "seccomp");
  if (isObject(seccomp) && !seccomp["defaultAction"] && isEmpty(seccomp["syscalls"])) {
    delete (linux as Record<string, unknown>)["seccomp"];
  }
  return value;
}

/** A copy of the value without the parts that issues are about, for rules to see the rest. */
export function prune(value: unknown, issues: readonly Issue[]): SpecDraft {
  const copy: unknown = copyOf(value);
  for (const { pointer } of issues) {
    const path = parsePointer(pointer);
    const last = path.pop();
    if (last === undefined) return {};
    let parent: unknown = copy;
    for (const part of path) parent = property(parent, part);
    if (Array.isArray(parent)) parent[Number(last)] = undefined;
    else if (isObject(parent)) delete parent[last];
  }
  return isObject(copy) ? (copy as SpecDraft) : {};
}

function dropNulls(value: unknown): void {
  if (Array.isArray(value)) value.forEach(dropNulls);
  else if (isObject(value)) {
    for (const key of Object.keys(value)) {
      if (value[key] === null) delete value[key];
      else dropNulls(value[key]);
    }
  }
}

function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyOf);
  if (!isObject(value) || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, copyOf(member)]));
}

function property(value: unknown, key: string | number): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Record<string | number, unknown>)[key];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || (Array.isArray(value) && value.length === 0);
}
