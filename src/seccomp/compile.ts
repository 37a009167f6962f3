import { readFileSync } from "node:fs";
import { TsrunError } from "../errors.ts";
import { native, type SeccompProfile } from "../native.ts";
import { seccompActions } from "../spec/tables.ts";
import type { Seccomp } from "../spec/types.ts";
import { readCache, writeCache } from "./cache.ts";
import { buildEnosysPrologue, type LastSyscall } from "./enosys.ts";
import { convertProfile, filterFlags, usesNotify } from "./profile.ts";

/** A filter ready for seccomp(2). */
export type CompiledSeccomp = {
  /** struct sock_filter array. */
  readonly filter: Uint8Array;
  /** SECCOMP_FILTER_FLAG_*. */
  readonly flags: number;
  /** Whether seccomp(2) returns a descriptor for an agent. */
  readonly notify: boolean;
  /** System calls that libseccomp does not know; rules for them are without effect. */
  readonly unknown: readonly string[];
};

export type CompileSeccompOptions = {
  /** Where compiled filters are kept; null for no cache. */
  readonly cacheDirectory: string | null;
};

/** Compiles linux.seccomp through libseccomp, or takes the result of an earlier time. null: the section asks for nothing. */
export function compileSeccomp(
  seccomp: Seccomp,
  options: CompileSeccompOptions,
): CompiledSeccomp | null {
  if (!seccomp.defaultAction && !seccomp.syscalls?.length) return null;
  if (usesNotify(seccomp.syscalls) && !seccomp.listenerPath) {
    throw new TsrunError("CONFIG_INVALID", "seccomp listenerPath is not set", {
      pointer: "/linux/seccomp/listenerPath",
      hint: "SCMP_ACT_NOTIFY needs the socket of a seccomp agent",
    });
  }
  const kernel = readFileSync("/proc/sys/kernel/osrelease", "utf8").trim();
  const { cacheDirectory } = options;
  if (cacheDirectory === null) return compile(seccomp, kernel);
  const key = cacheKey(seccomp, kernel);
  const hit = readCache(cacheDirectory, key);
  if (hit !== undefined) return hit;
  const compiled = compile(seccomp, kernel);
  writeCache(cacheDirectory, key, compiled);
  return compiled;
}

/** Everything that the result depends on. */
function cacheKey({ listenerPath, listenerMetadata, ...profile }: Seccomp, kernel: string): string {
  const { buildId, libseccompVersion } = native();
  return `${buildId} ${libseccompVersion} ${kernel} ${process.arch}\n${stringify(profile)}`;
}

function stringify(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    // Only numbers beyond 2^53 are bigint: few profiles pay for this.
    return JSON.stringify(value, (_, item: unknown) =>
      typeof item === "bigint" ? String(item) : item,
    );
  }
}

function compile(seccomp: Seccomp, kernel: string): CompiledSeccomp {
  const profile = convertProfile(seccomp);
  const flags = filterFlags(seccomp, kernel);
  const { filter, unknown } = callLibseccomp(profile);
  const whole = concatenate(enosysPrologue(seccomp, profile), filter);
  refuseTooLong(whole);
  return { filter: whole, flags, notify: usesNotify(seccomp.syscalls), unknown };
}

function callLibseccomp(profile: SeccompProfile): { filter: Uint8Array; unknown: string[] } {
  try {
    return native().seccompCompile(profile);
  } catch (error) {
    throw new TsrunError(
      "SECCOMP",
      `libseccomp cannot make a filter of this profile: ${(error as Error).message}`,
      {
        pointer: "/linux/seccomp",
        hint: `libseccomp here is ${native().libseccompVersion}`,
        cause: error,
      },
    );
  }
}

const ENOSYS = 38;

function enosysPrologue(
  seccomp: Seccomp,
  { defaultAction, architectures }: SeccompProfile,
): Uint8Array {
  const { SCMP_ACT_ALLOW, SCMP_ACT_ERRNO, SCMP_ACT_LOG, SCMP_ACT_TRACE } = seccompActions;
  const action = (defaultAction & 0xffff0000) >>> 0;
  // What lets a new system call through, or says ENOSYS by itself, needs no help; a tracer wants to see it.
  const permissive =
    action === SCMP_ACT_ALLOW || action === SCMP_ACT_LOG || action === SCMP_ACT_TRACE;
  if (permissive || defaultAction === (SCMP_ACT_ERRNO | ENOSYS)) return new Uint8Array(0);
  const names = [...new Set(seccomp.syscalls?.flatMap((syscall) => syscall.names))];
  const all = new Set([native().seccompNativeArch(), ...architectures]);
  return buildEnosysPrologue(
    [...all]
      .map((architecture) => lastSyscall(names, architecture))
      .filter(({ number }) => number > 0),
  );
}

function lastSyscall(names: readonly string[], architecture: number): LastSyscall {
  const { seccompResolve } = native();
  return {
    architecture,
    number: names.reduce((last, name) => Math.max(last, seccompResolve(name, architecture)), 0),
  };
}

function concatenate(first: Uint8Array, second: Uint8Array): Uint8Array {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}

const LONGEST_FILTER = 4096;

function refuseTooLong(filter: Uint8Array): void {
  const count = filter.length / 8;
  if (count <= LONGEST_FILTER) return;
  throw new TsrunError(
    "SECCOMP",
    `the seccomp filter has ${count} instructions, the kernel takes ${LONGEST_FILTER}`,
    {
      pointer: "/linux/seccomp/syscalls",
      hint: "use fewer rules with args, or fewer architectures",
    },
  );
}
