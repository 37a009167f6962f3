import { join } from "node:path";
import t from "tap";
import { loadProcess } from "../../../src/spec/process-file.ts";
import { explainRefusal } from "../../../src/spec/refusal.ts";

t.test("a process in a file of its own", async (t) => {
  const text = JSON.stringify({ args: ["true"], cwd: "/", user: { uid: 1, gid: 2 } });
  const file = join(t.testdir({ "process.json": text }), "process.json");
  const process = { args: ["true"], cwd: "/", user: { uid: 1, gid: 2 } };
  t.match(loadProcess(file), { file, text, process });
});

t.test("what is wrong with one is told as the file has it, where the process is the whole", (t) => {
  const file = join(
    t.testdir({ "process.json": '{ "args": ["true"],\n "cwd": 5 }' }),
    "process.json",
  );
  try {
    loadProcess(file);
    t.fail("it was not refused");
  } catch (error) {
    t.match(explainRefusal(error), {
      code: "CONFIG_INVALID",
      pointer: "/cwd",
      position: { file, line: 2 },
    });
  }
  t.end();
});

t.test("an error about anything else is left as it is", async (t) => {
  const error = new Error("no process");
  t.equal(explainRefusal(error), error);
});
