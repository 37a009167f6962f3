import t from "tap";
import { compareBudget, formatBudget, parseBudget, readBudget } from "../../budget/imports.ts";
import { traceCommands } from "../../budget/traced.ts";

const loaded = new Map([
  ["create", new Set(["src/a.ts", "src/b.ts", "node:fs", "node:internal/tty"])],
  ["state", new Set(["src/a.ts"])],
]);
const importers = new Map([
  ["src/b.ts", ["src/a.ts", "src/c.ts"]],
  ["node:fs", ["src/b.ts"]],
]);

t.test("the budget is read as it was written", (t) => {
  t.strictSame(parseBudget(formatBudget(loaded)), loaded);
  t.end();
});

t.test("a module more is told with the module that imports it, one less too", (t) => {
  const budget = new Map([
    ["create", new Set(["src/a.ts"])],
    ["state", new Set(["src/a.ts", "src/b.ts"])],
  ]);
  t.strictSame(compareBudget({ loaded, importers }, budget), [
    "create: node:fs is loaded now, imported by src/b.ts",
    "create: node:internal/tty is loaded now, by node itself",
    "create: src/b.ts is loaded now, imported by src/a.ts",
    "state: src/b.ts is not loaded any more",
  ]);
  t.end();
});

const skip = process.getuid!() === 0 ? false : "needs root";
t.test("hot commands load what test/budget/imports.txt has", { skip }, async (t) => {
  const wrong = compareBudget(await traceCommands(), readBudget());
  const hint = "npm run budget accepts what they load now";
  t.strictSame(wrong, [], wrong.length === 0 ? hint : `${wrong.join("; ")}; ${hint}`);
});
