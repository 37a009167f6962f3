import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { inflateRawSync } from "node:zlib";
import { native } from "../../../src/native.ts";
import { compileSeccomp } from "../../../src/seccomp/compile.ts";
import { seccompArchitectures } from "../../../src/spec/tables.ts";
import type { Seccomp } from "../../../src/spec/types.ts";
import { profiles } from "../../fixtures/seccomp/profiles.ts";
import { runFilter } from "./filter-machine.ts";

const addon = join(import.meta.dirname, "../../../build/Release");
globalThis.tsrunNativeDirectory = addon;
const built = existsSync(join(addon, "tsrun.node"));
const skip = !built
  ? "the addon is not built"
  : process.arch !== "x64"
    ? "filters of x86_64"
    : false;

const recorded = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../fixtures/seccomp/filters.json"), "utf8"),
) as { version: string[]; filters: Record<string, string> };

const {
  SCMP_ARCH_X86_64: x86_64,
  SCMP_ARCH_X86: x86,
  SCMP_ARCH_AARCH64: foreign,
} = seccompArchitectures;
const X32_BIT = 0x40000000;

/** Arguments that the conditions of the profiles tell apart, high and low halves too. */
const values = [
  0n,
  1n,
  2n,
  8n,
  9n,
  16n,
  40n,
  0x20000n,
  0x20008n,
  0x7e020000n,
  0xffffffffn,
  0x100000000n,
  0x100000001n,
  0x100000002n,
  0x100000003n,
  0x200000000n,
];
const argumentLists = values.flatMap((value) => [
  [value, 0n, 9n],
  [0n, value, 0n],
  [value, value, value],
]);

const numbers = (count: number): number[] => Array.from({ length: count }, (_, nr) => nr);
/** All system calls of x86_64, x32 and i386 and many that no kernel has, and those of an architecture elsewhere. */
const calls = numbers(1024).flatMap((nr) => [
  { arch: x86_64, nr },
  { arch: x86_64, nr: X32_BIT + nr },
  { arch: x86, nr },
  { arch: foreign, nr },
]);
/** The calls that two filters answer differently; those in `conditional` with many arguments. */
function compare(one: Uint8Array, other: Uint8Array, conditional: ReadonlySet<number>) {
  const few = [[], [1n, 0x100000002n, 3n]];
  return calls.filter((call) =>
    (conditional.has(call.nr % X32_BIT) ? argumentLists : few).some((args) => {
      const question = { ...call, args };
      return runFilter(one, question) !== runFilter(other, question);
    }),
  );
}

/** Numbers of the system calls that a profile has conditions for, on any of the architectures. */
function numbersWithConditions({ syscalls = [] }: Seccomp): Set<number> {
  const names = syscalls.filter(({ args }) => args?.length).flatMap((rule) => rule.names);
  const found = names.flatMap((name) =>
    [x86_64, x86].map((arch) => native().seccompResolve(name, arch)),
  );
  return new Set(found);
}

t.test("the filters of the profiles answer as those that runc installs", { skip }, async (t) => {
  t.match(recorded.version[0], /^runc version 1\.3\./);
  t.strictSame(Object.keys(recorded.filters), Object.keys(profiles));
  for (const [name, profile] of Object.entries(profiles)) {
    const { filter } = compileSeccomp(profile, { cacheDirectory: null })!;
    const other = inflateRawSync(Buffer.from(recorded.filters[name]!, "base64"));
    t.strictSame(compare(filter, other, numbersWithConditions(profile)), [], name);
  }
});
