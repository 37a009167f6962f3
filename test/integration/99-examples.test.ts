// The examples do what they say.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import t from "tap";
import { WebSocket } from "ws";
import { requires } from "./support/host.ts";
import { execute, onlyTsrun } from "./support/runtime.ts";

t.setTimeout(120_000);
const own = onlyTsrun("the library");
const example = (name: string): string => join(import.meta.dirname, "../../examples", name);

t.test("code judge", { skip: own || requires("memory", "pids") }, async (t) => {
  const { status, stdout, stderr } = execute(process.execPath, [example("code-judge.ts")], {
    timeout: 100_000,
  });
  t.match({ status, stderr }, { status: 0, stderr: "" });
  t.equal(
    stdout,
    "sorts: accepted\ndoes nothing: wrong answer\nnever ends: too slow\n" +
      "reads all zeros: too much memory\ngives up: failed\n",
  );
});

t.test("pool of warm sandboxes", { skip: own }, async (t) => {
  const { status, stdout, stderr } = execute(process.execPath, [example("sandbox-pool.ts")]);
  t.match({ status, stderr }, { status: 0, stderr: "" });
  t.equal(stdout, Array.from({ length: 6 }, (_, index) => `job ${index}: status 0\n`).join(""));
});

t.test("runner of build steps", { skip: own }, async (t) => {
  const { status, stdout, stderr } = execute(process.execPath, [example("ci-steps.ts")]);
  t.match({ status, stderr }, { status: 0, stderr: "" });
  t.equal(
    stdout,
    "build | built\nbuild: passed\ntest | made of source\ntest | checked\ntest: passed\n" +
      "hang: took too long\nstopped\n",
  );
});

t.test("terminal over WebSocket", { skip: own }, async (t) => {
  const server = spawn(process.execPath, [example("web-terminal.ts")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.teardown(() => server.kill("SIGKILL"));
  const [line] = (await once(createInterface({ input: server.stdout }), "line")) as [string];
  const { port } = JSON.parse(line) as { port: number };
  const socket = new WebSocket(`ws://127.0.0.1:${port}`);
  let shown = "";
  const end = once(socket, "close");
  const shows = (wanted: string): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => void (shown.includes(wanted) && resolve());
      socket.on("message", look);
      look();
    });
  socket.on("message", (data: Buffer) => (shown += data.toString()));
  await once(socket, "open");
  await shows("$ ");
  socket.send(JSON.stringify({ rows: 31, columns: 62 }));
  socket.send(Buffer.from("stty size\n"));
  await shows("31 62");
  socket.send(Buffer.from("exit\n"));
  await end;
  server.kill("SIGTERM");
  t.strictSame(await once(server, "exit"), [0, null]);
});
