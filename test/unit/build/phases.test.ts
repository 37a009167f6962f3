import t from "tap";
import { markSources } from "../../bench/marked-engine.ts";
import { divideByPhase, type Mark, marksWithin } from "../../bench/phases.ts";

t.test("every function that the benchmark marks is there, and is marked once", async (t) => {
  const sources = markSources();
  t.not(sources.size, 0);
  for (const [file, text] of sources) t.match(text, /tsrunMark\(/, file);
});

t.test("each moment counts for the innermost phase", async (t) => {
  const ms = (n: number): string => String(n * 1_000_000);
  const marks: Mark[] = [
    ["module load", ms(10)],
    ["state and cgroup", ms(14)],
    ["plan", ms(15)],
    ["parse", ms(16)],
    ["", ms(18)],
    ["", ms(21)],
    ["", ms(22)],
    ["exit", ms(23)],
  ];
  t.strictSame(divideByPhase(marks, { begin: 0n, end: 25_000_000n }), {
    "node start": 10,
    "module load": 4 + 1,
    "state and cgroup": 1 + 1,
    plan: 1 + 3,
    parse: 2,
    exit: 2,
  });
});

t.test("marks belong to the command that ran at the time", async (t) => {
  const commands: Mark[][] = [[["module load", "5"]], [["module load", "15"]]];
  t.equal(marksWithin(commands, { begin: 10n, end: 20n }), commands[1]);
  t.throws(() => marksWithin(commands, { begin: 20n, end: 30n }), /left no marks/);
});
