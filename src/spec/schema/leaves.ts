// The values that fields take.
import type { Int } from "../types.ts";
import { leaf, leaves, type Schema } from "./blocks.ts";

/** A string. One with a NUL byte cannot reach the kernel: it would be cut off there. */
export const text = leaf<string>((value) => typeof value === "string" && !value.includes("\0"), {
  expected: "a string",
  rule: "type",
});
export const texts = leaves(text);

export const bool = leaf<boolean>((value) => typeof value === "boolean", {
  expected: "true or false",
  rule: "type",
});

export const uint16 = integer<number>(0n, 0xffffn, "an unsigned 16-bit integer");
export const uint32 = integer<number>(0n, 0xffff_ffffn, "an unsigned 32-bit integer");
export const uint64 = integer<Int>(0n, 0xffff_ffff_ffff_ffffn, "an unsigned 64-bit integer");
export const int32 = integer<number>(-0x8000_0000n, 0x7fff_ffffn, "a 32-bit integer");
export const int64 = integer<Int>(-0x8000_0000_0000_0000n, 0x7fff_ffff_ffff_ffffn, "a 64-bit integer");
/** Where the type is a plain number: device numbers and the like, which the kernel holds in 32 bits. */
export const int = integer<number>(-(2n ** 53n) + 1n, 2n ** 53n - 1n, "an integer");
export const uint = integer<number>(0n, 2n ** 53n - 1n, "an unsigned integer");
export const uint32s = leaves(uint32);

/** One of the names of a table. */
export function oneOf(table: Readonly<Record<string, unknown>> | readonly string[]): Schema<string> {
  const allowed: readonly string[] = Array.isArray(table) ? table : Object.keys(table);
  return leaf<string>((value) => typeof value === "string" && allowed.includes(value), {
    expected: `one of ${allowed.filter((name) => name !== "").join(", ")}`,
    rule: "unknown-value",
    allowed,
  });
}

function integer<T>(min: bigint, max: bigint, name: string): Schema<T> {
  const test = (value: unknown): boolean => {
    if (typeof value === "number" && !Number.isInteger(value)) return false;
    return (typeof value === "number" || typeof value === "bigint") && value >= min && value <= max;
  };
  const range = min < 0n ? `${min} to ${max}` : `${min} to ${max}`;
  return leaf<T>(test, { expected: `${name} (${range})`, rule: "range" });
}
