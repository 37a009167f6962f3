import t from "tap";

import { readyLine } from "../../../src/stdio/notify.ts";

t.test("only the READY= line of a message is passed on", (t) => {
  t.equal(readyLine("STATUS=up\nREADY=1\nMAINPID=1\n"), "READY=1");
  t.equal(readyLine("STATUS=NOTREADY=1"), undefined);
  t.equal(readyLine(""), undefined);
  t.end();
});
