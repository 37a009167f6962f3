import { TsrunError } from "../errors.ts";
import type { Int } from "../spec/types.ts";

// config.json speaks cgroup v1; these are the arithmetic of saying it in v2.

/** cpu.shares (2..262144, default 1024) as cpu.weight (1..10000, default 100): quadratic in log2, through all three points. */
export function weightOfShares(shares: Int): number {
  const value = Number(shares);
  if (value <= 2) return 1;
  if (value >= 262144) return 10000;
  const log = Math.log2(value);
  return Math.ceil(10 ** ((log * log + 125 * log) / 612 - 7 / 34));
}

/** blkio weight (10..1000) as io.weight (1..10000). */
export function ioWeightOf(weight: number): number {
  return 1 + Math.floor(((weight - 10) * 9999) / 990);
}

/** A limit as a v2 file takes it; -1 is "max". */
export function limitText(value: Int): string {
  return BigInt(value) === -1n ? "max" : String(value);
}

/**
 * memory.swap (memory and swap together, as v1 counts) as memory.swap.max (swap alone).
 * undefined: nothing is to be written. 0 or absent means unset, for both.
 */
export function swapMaxOf(swap: Int | undefined, limit: Int | undefined): string | undefined {
  const total = BigInt(swap ?? 0);
  const memory = BigInt(limit ?? 0);
  // Unlimited memory with nothing said about swap: v1 gave both.
  if (total === 0n) return memory === -1n ? "max" : undefined;
  if (total === -1n) return "max";
  if (memory === -1n) return String(total);
  if (memory === 0n)
    throw swapError(
      "unable to set swap limit without memory limit",
      "set linux.resources.memory.limit too",
    );
  if (total < memory)
    throw swapError(
      "memory+swap limit should be >= memory limit",
      `swap counts memory and swap together: use at least ${memory}, or -1 for no limit`,
    );
  return String(total - memory);
}

function swapError(message: string, hint: string): TsrunError {
  return new TsrunError("CONFIG_INVALID", message, {
    pointer: "/linux/resources/memory/swap",
    hint,
  });
}

/** cpu.max from quota and period (microseconds; 0 or absent is unset); undefined when neither is set. */
export function cpuMaxOf(quota: Int | undefined, period: Int | undefined): string | undefined {
  const time = BigInt(quota ?? 0);
  const span = BigInt(period ?? 0);
  if (time === 0n && span === 0n) return undefined;
  return `${time > 0n ? time : "max"} ${span === 0n ? 100000n : span}`;
}

/** pids.max: -1 is unlimited; 0 is a real limit, written as 1, which is the same to a process that is already there. */
export function pidsMaxOf(limit: Int): string {
  const value = BigInt(limit);
  return value > 0n ? String(value) : value === 0n ? "1" : "max";
}
