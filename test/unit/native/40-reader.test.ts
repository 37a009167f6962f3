import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import t from "tap";

import { type Op, opTable, stepTable } from "../../../src/plan/wire.ts";
import { buildId, compile, encodeOps } from "./run-init.ts";

type Table = Readonly<Record<string, { fields: readonly (readonly [string, string])[] }>>;

/** One op of every kind there is, with something in each field. */
function oneOfEach(table: Table): Op[] {
  return Object.entries(table).map(([op, { fields }]) => {
    const values: Readonly<Record<string, unknown>> = {
      u: 3,
      s: `text of ${op}`,
      b: Buffer.from("blob"),
      v: ["one", "", "three"],
    };
    const filled = fields.map(([name, kind]) => [name, values[kind]]);
    return { op, ...Object.fromEntries(filled) } as Op;
  });
}

for (const { reader, program, table } of [
  { reader: "init", program: "mutate-plan", table: opTable as Table },
  { reader: "the launcher", program: "mutate-verbs", table: stepTable as Table },
] as const) {
  t.test(
    `the reader of ${reader} accepts every op, and no mutation of a plan leads it out of bounds`,
    async (t) => {
      const plan = `${t.testdir()}/plan`;
      writeFileSync(plan, encodeOps(oneOfEach(table), 2));
      const { status, stdout, stderr } = spawnSync(compile(program), [plan, buildId, "60000"], {
        encoding: "utf8",
        timeout: 60_000,
      });
      t.equal(stderr, "");
      t.equal(status, 0);
      const accepted = Number(/^(\d+) accepted/.exec(stdout)?.[1]);
      t.ok(accepted > 1000, `${accepted} mutations were harmless and walked through`);
      t.ok(accepted < 60_000, "others were refused");
    },
  );
}
