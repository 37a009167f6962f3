// The verbs of the library.
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { setTimeout } from "node:timers/promises";
import t from "tap";
import { shell } from "./support/container.ts";
import { bundleFor, rejection, runtime } from "./support/library.ts";
import { nothing, remainsOf } from "./support/remains.ts";
import { onlyTsrun } from "./support/runtime.ts";

t.setTimeout(120_000);
const skip = onlyTsrun("the library");

t.test("a container's life", { skip }, async (t) => {
  const c = bundleFor(t, shell("echo out; echo err >&2; exit 7"));
  const container = await runtime.create({
    id: c.id,
    bundle: c.bundle,
    stdio: { stdout: "pipe", stderr: "pipe" },
  });
  t.match(await container.state(), { id: c.id, status: "created", pid: container.pid });
  await container.start();
  const [out, err] = await Promise.all([text(container.stdout!), text(container.stderr!)]);
  t.strictSame([out, err], ["out\n", "err\n"]);
  const status = await container.wait();
  t.match(status, { reason: "exited", exitCode: 7, signal: null, oom: false });
  t.ok(status.times!.elapsed > 0 && status.times!.user + status.times!.system >= 0);
  t.match(await container.state(), { status: "stopped", pid: 0 });
  await container.delete();
  t.strictSame(remainsOf(c), nothing);
});

t.test("await using deletes it, also in the middle of its life", { skip }, async (t) => {
  const c = bundleFor(t, ["sleep", "1000"]);
  {
    await using container = await runtime.create({ id: c.id, bundle: c.bundle });
    await container.start();
    t.equal((await container.state()).status, "running");
  }
  t.strictSame(remainsOf(c), nothing);
});

t.test("run stays with it to its end", { skip }, async (t) => {
  const c = bundleFor(t, shell("cat; exit 3"));
  let said = "";
  const status = await runtime.run({
    id: c.id,
    bundle: c.bundle,
    stdio: { stdin: "pipe", stdout: "pipe" },
    whileRunning: async (container) => {
      container.stdin!.end("through");
      said = await text(container.stdout!);
    },
  });
  t.equal(said, "through");
  t.match(status, { reason: "exited", exitCode: 3 });
  t.strictSame(remainsOf(c), nothing);
});

t.test("a configuration that is given needs no config.json", { skip }, async (t) => {
  const c = bundleFor(t, ["sh"]);
  const spec = {
    ociVersion: "1.2.0",
    root: { path: c.rootfs },
    process: { cwd: "/", args: ["sh", "-c", "exit 4"], env: ["PATH=/bin"] },
    mounts: [],
    linux: { namespaces: [{ type: "pid" as const }, { type: "mount" as const }] },
  };
  t.match(await runtime.run({ spec }), { exitCode: 4 });
});

t.test("exec runs one more process", { skip }, async (t) => {
  const c = bundleFor(t, ["sleep", "1000"]);
  await using container = await runtime.create({ id: c.id, bundle: c.bundle });
  await container.start();
  const first = await container.exec({
    args: shell("echo $X; exit 5"),
    env: ["X=given"],
    stdio: { stdout: "pipe" },
  });
  t.equal(await text(first.stdout!), "given\n");
  t.match(await first.wait(), { reason: "exited", exitCode: 5 });
  const second = await container.exec({
    args: shell("echo runs; exec sleep 1000"),
    stdio: { stdout: "pipe" },
  });
  await once(second.stdout!, "data");
  t.ok((await container.processes()).includes(second.pid));
  second.kill("TERM");
  t.match(await second.wait(), { reason: "signaled", signal: "SIGTERM" });
  second.kill(); // has ended: nothing happens
});

t.test("pause, resume, update, stats, list and get", { skip }, async (t) => {
  const c = bundleFor(t, ["sleep", "1000"]);
  await using container = await runtime.create({ id: c.id, bundle: c.bundle });
  await container.start();
  await container.pause();
  t.equal((await container.state()).status, "paused");
  await container.resume();
  t.equal((await container.state()).status, "running");
  await container.update({});
  t.ok("cpu" in (await container.stats()));
  t.match(
    (await runtime.list()).find(({ id }) => id === c.id),
    { status: "running", bundle: c.bundle },
  );
  const same = await runtime.get(c.id);
  await same.kill("KILL");
  t.match(await same.wait(), { reason: "signaled", signal: "SIGKILL" }, "it is a child of ours");
});

t.test("of another's child only the end is known", { skip }, async (t) => {
  const c = bundleFor(t, ["sleep", "1000"]);
  t.equal(c.create().status, 0, c.stderr());
  const container = await runtime.get(c.id);
  await container.start();
  const end = container.wait();
  await container.kill(9);
  t.match(await end, { reason: "unknown", exitCode: null, times: null });
  await container.delete({ force: true });
  t.match(await rejection(container.state()), { code: "CONTAINER_NOT_FOUND" });
});

t.test("errors have their code, pointer and position", { skip }, async (t) => {
  const c = bundleFor(t, ["sh"]);
  const { bundle, id } = c;
  t.match(await rejection(runtime.get("absent")), { code: "CONTAINER_NOT_FOUND" });
  t.match(await rejection(runtime.create({ id: "a/b", bundle })), { code: "CONTAINER_ID" });
  t.match(await rejection(runtime.create({ id, bundle: "/absent" })), { code: "BUNDLE" });
  await using container = await runtime.create({ id, bundle });
  t.match(await rejection(runtime.create({ id, bundle })), { code: "CONTAINER_EXISTS" });
  t.match(await rejection(container.kill("NOPE")), { code: "SIGNAL" });
  await container.start();
  t.match(await rejection(container.start()), { code: "CONTAINER_STATUS" });
  // The first one may still be running.
  c.configure((config) => (config.linux.cgroupsPath += "-other"));
  c.configure(
    (config) => (config.mounts[0] = { destination: "/proc", source: "/absent", options: ["bind"] }),
  );
  const failed = await rejection(runtime.create({ bundle }));
  t.match(failed, { pointer: /^\/mounts\/0/, position: { line: Number, column: Number } });
});

t.test("an abort ends the waiting and not the container", { skip }, async (t) => {
  const c = bundleFor(t, ["sleep", "1000"]);
  await using container = await runtime.create({ id: c.id, bundle: c.bundle });
  await container.start();
  const error = await rejection(container.wait({ signal: AbortSignal.timeout(20) }));
  t.match(error, { code: "ABORTED", cause: { name: "TimeoutError" } });
  t.equal((await container.state()).status, "running");
});

t.test("a create that is aborted leaves nothing, at whatever moment", { skip }, async (t) => {
  for (const delay of [0, 1, 2, 4, 8, 16, 32, 64, 128]) {
    const c = bundleFor(t, ["sleep", "1000"]);
    const control = new AbortController();
    const made = rejection(runtime.run({ id: c.id, bundle: c.bundle, signal: control.signal }));
    await setTimeout(delay);
    control.abort();
    t.match(await made, { code: "ABORTED" }, `after ${delay} ms`);
    t.strictSame(remainsOf(c), nothing, `after ${delay} ms`);
  }
});
