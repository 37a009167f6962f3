import t from "tap";

import { describeFailure } from "../../../hooks/run.ts";

const ended = {
  exit: { pid: 1, code: 0, signaled: false },
  timedOut: false,
  stdout: "",
  stderr: "",
  durationMs: 12.4,
};

t.test("a hook that ends with 0 has not failed, whatever it printed", (t) => {
  t.equal(describeFailure({ ...ended, stderr: "noise" }, { path: "/h" }), undefined);
  t.end();
});

t.test("the message has the exit status, what the hook printed, and how long it took", (t) => {
  const failed = { ...ended, exit: { ...ended.exit, code: 3 }, stdout: "out", stderr: "no bridge" };
  t.equal(
    describeFailure(failed, { path: "/h" }),
    "exit status 3, stdout: out, stderr: no bridge, after 12 ms",
  );
  t.end();
});

t.test("a killed hook is named by its signal", (t) => {
  const killed = { ...ended, exit: { pid: 1, code: 15, signaled: true } };
  t.equal(describeFailure(killed, { path: "/h" }), "signal: terminated, after 12 ms");
  t.end();
});

t.test("a timeout reads as with runc", (t) => {
  const killed = { ...ended, timedOut: true, exit: { pid: 1, code: 9, signaled: true } };
  t.equal(
    describeFailure(killed, { path: "/h", timeout: 1 }),
    "hook ran past specified timeout of 1.0s",
  );
  t.end();
});
