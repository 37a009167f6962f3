import t from "tap";

import { parseSignal } from "../../../src/lifecycle/kill.ts";

for (const [given, number] of [
  ["9", 9],
  [15, 15],
  ["0", 0],
  ["64", 64],
  ["KILL", 9],
  ["SIGTERM", 15],
  ["sigusr1", 10],
  ["hup", 1],
  ["SIGRTMIN+1", 35],
  ["rtmax-1", 63],
] as const) {
  t.test(`${given} is signal ${number}`, (t) => {
    t.equal(parseSignal(given), number);
    t.end();
  });
}

for (const given of ["FOO", "", "SIG", "65", "-9", "9x", "toString", "SIGRTMIN+31", "RTMIN+"]) {
  t.test(`${JSON.stringify(given)} is an unknown signal`, (t) => {
    t.throws(() => parseSignal(given), {
      code: "SIGNAL",
      message: `unknown signal ${JSON.stringify(given)}`,
    });
    t.end();
  });
}
