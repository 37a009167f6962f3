import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import t from "tap";

import { type Op, opTable } from "../../../src/plan/wire.ts";
import { buildId, compile, encodeOps } from "./run-init.ts";

/** One op of every kind there is, with something in each field. */
function everyOp(): Op[] {
  return Object.entries(opTable).map(([op, { fields }]) => {
    const values = { u: 3, s: `text of ${op}`, b: Buffer.from("blob"), v: ["one", "", "three"] };
    const filled = (fields as readonly (readonly [string, keyof typeof values])[]).map(
      ([name, kind]) => [name, values[kind]],
    );
    return { op, ...Object.fromEntries(filled) } as Op;
  });
}

t.test(
  "the reader accepts every op, and no mutation of a plan leads it out of bounds",
  async (t) => {
    const plan = `${t.testdir()}/plan`;
    writeFileSync(plan, encodeOps(everyOp(), 2));
    const { status, stdout, stderr } = spawnSync(compile("mutate-plan"), [plan, buildId, "60000"], {
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
