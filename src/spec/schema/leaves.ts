// The values that fields take.
import type { Int } from "../types.ts";
import { type Field, leaf, list } from "./blocks.ts";

/** A string. One with a NUL byte cannot reach the kernel: it would be cut off there. */
export const text = leaf<string>(
  (value) => typeof value === "string" && !value.includes("\0"),
  () => ({ expected: "a string", rule: "type" }),
);
export const texts = list(text);

export const bool = leaf<boolean>(
  (value) => typeof value === "boolean",
  () => ({ expected: "true or false", rule: "type" }),
);

export const uint16 = integer<number>(0, 0xffff, "an unsigned 16-bit integer");
export const uint32 = integer<number>(0, 0xffff_ffff, "an unsigned 32-bit integer");
export const uint64 = integer<Int>(0, 2n ** 64n - 1n, "an unsigned 64-bit integer");
export const int32 = integer<number>(-0x8000_0000, 0x7fff_ffff, "a 32-bit integer");
export const int64 = integer<Int>(-(2n ** 63n), 2n ** 63n - 1n, "a 64-bit integer");
/** Integers of the specification that are small where they make sense, such as device numbers. */
export const int = integer<number>(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, "an integer");
export const uint = integer<number>(0, Number.MAX_SAFE_INTEGER, "an unsigned integer");
export const uint32s = list(uint32);

/** One of the names of a table. */
export function oneOf(table: Readonly<Record<string, unknown>>): Field<string> {
  return named(table, (value) => typeof value === "string" && Object.hasOwn(table, value));
}

/** The same, or "", which stands for nothing. */
export function oneOfOrEmpty(table: Readonly<Record<string, unknown>>): Field<string> {
  return named(
    table,
    (value) => typeof value === "string" && (value === "" || Object.hasOwn(table, value)),
  );
}

function named(
  table: Readonly<Record<string, unknown>>,
  fits: (value: unknown) => boolean,
): Field<string> {
  return leaf<string>(fits, () => {
    const allowed = Object.keys(table);
    return { expected: `one of ${allowed.join(", ")}`, rule: "unknown-value", allowed };
  });
}

function integer<T extends Int>(min: Int, max: Int, name: string): Field<T> {
  return leaf<T>(
    (value) =>
      (typeof value === "number" ? Number.isInteger(value) : typeof value === "bigint") &&
      (value as Int) >= min &&
      (value as Int) <= max,
    () => ({ expected: `${name}, ${min} to ${max}`, rule: "range" }),
  );
}
