// Where the time of a command goes, from the marks of one run of the marked engine.
import { type Phase, phases } from "./marked-engine.ts";

/** A phase that began, or "" where the last one that began ended; nanoseconds of the monotonic clock. */
export type Mark = readonly [phase: Phase | "", at: string];
export type Span = { readonly begin: bigint; readonly end: bigint };
export type PhaseTimes = { readonly [name in Phase]?: number };

/** Milliseconds by phase: each moment of the command counts for the innermost phase that has begun and not ended. */
export function divideByPhase(marks: readonly Mark[], { begin, end }: Span): PhaseTimes {
  const times: { [name in Phase]?: number } = {};
  const open: Phase[] = ["node start"];
  let last = begin;
  const passUntil = (now: bigint): void => {
    const phase = open.at(-1)!;
    times[phase] = (times[phase] ?? 0) + Number(now - last) / 1e6;
    last = now;
  };
  for (const [phase, text] of marks) {
    passUntil(BigInt(text));
    if (phase === "") open.pop();
    else open.push(phase);
  }
  passUntil(end);
  return times;
}

/** The marks of the command that ran in the span; each line of the file is one command's. */
export function marksWithin(commands: readonly (readonly Mark[])[], span: Span): readonly Mark[] {
  const found = commands.find(([first]) => {
    const at = BigInt(first![1]);
    return at >= span.begin && at <= span.end;
  });
  if (found === undefined) throw new Error("a command of the marked engine left no marks");
  return found;
}

/** The phases that have any time, in their order. */
export function phasesOf(times: readonly PhaseTimes[]): Phase[] {
  return phases.filter((phase) => times.some((one) => (one[phase] ?? 0) > 0));
}
