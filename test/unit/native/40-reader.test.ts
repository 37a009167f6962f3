import t from "tap";

import { checkWire, wireNames } from "../../fuzz/run-wire.ts";

for (const name of wireNames) {
  t.test(
    `${name}: the reader accepts every op, and no mutation of a plan leads it out of bounds`,
    async (t) => {
      const { status, accepted, executions, output } = checkWire(name, 60_000, t.testdir());
      t.equal(status, 0, output);
      t.ok(executions >= 60_000);
      t.ok(accepted > 1000, `${accepted} were harmless and walked through`);
      t.ok(accepted < executions, "others were refused");
    },
  );
}
