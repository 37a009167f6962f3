import { isObject } from "./json.ts";

/**
 * The value as runc understands it: a field that is null is a field that is not there, and a seccomp section that
 * neither names a default action nor a syscall is none. crun's annotation for a seccomp agent is a listenerPath where
 * there is no other.
 */
export function normalize(value: unknown, text: string): unknown {
  if (text.includes("null")) dropNulls(value);
  const linux = property(value, "linux");
  const seccomp = property(linux, "seccomp");
  if (isObject(seccomp) && !seccomp["defaultAction"] && isEmpty(seccomp["syscalls"])) {
    delete (linux as Record<string, unknown>)["seccomp"];
  } else if (isObject(seccomp) && !seccomp["listenerPath"]) {
    const receiver = property(property(value, "annotations"), "run.oci.seccomp.receiver");
    if (receiver !== undefined) seccomp["listenerPath"] = receiver;
  }
  return value;
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

/** A member of an object or an array, when there is one. */
export function property(value: unknown, key: string | number): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Record<string | number, unknown>)[key];
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || (Array.isArray(value) && value.length === 0);
}
