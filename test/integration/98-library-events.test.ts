// Events of containers, and what the memory limit does to their exit status.
import t from "tap";
import type { ContainerEvent } from "../../src/index.ts";
import { shell } from "./support/container.ts";
import { requires } from "./support/host.ts";
import { bundleFor, rejection, runtime } from "./support/library.ts";
import { onlyTsrun } from "./support/runtime.ts";

t.setTimeout(120_000);
const own = onlyTsrun("the library");

t.test("the end is the last event", { skip: own }, async (t) => {
  const c = bundleFor(t, ["sleep", "1000"]);
  await using container = await runtime.create({ id: c.id, bundle: c.bundle });
  await container.start();
  const events = collect(container.events());
  await container.kill("KILL");
  t.match((await events).at(-1), { type: "exit", status: { signal: "SIGKILL" } });
  t.strictSame(await collect((await runtime.get(c.id)).events()), [], "nothing more happens");
});

t.test("an iteration ends by itself, by return and by its signal", { skip: own }, async (t) => {
  const c = bundleFor(t, ["sleep", "1000"]);
  await using container = await runtime.create({ id: c.id, bundle: c.bundle });
  const left = container.events();
  const waiting = left.next();
  await left.return!();
  t.match(await waiting, { done: true });
  const aborted = container.events({ signal: AbortSignal.timeout(10) });
  t.match(await rejection(aborted.next()), { code: "ABORTED" });
});

t.test("oom", { skip: own || requires("memory") }, async (t) => {
  const c = bundleFor(t, shell("tail /dev/zero"), (config) => {
    config.linux.resources = { memory: { limit: 16 << 20, swap: 16 << 20 } };
  });
  await using container = await runtime.create({ id: c.id, bundle: c.bundle });
  const events = collect(container.events({ memoryPressure: false }));
  await container.start();
  const status = await container.wait();
  t.equal(status.oom, true);
  t.match(await events, [{ type: "oom", kills: 1 }, { type: "exit" }]);
});

t.test("the limit of processes", { skip: own || requires("pids") }, async (t) => {
  const script = "for i in 1 2 3 4 5 6 7 8; do sleep 1000 & done; sleep 1000";
  const c = bundleFor(t, shell(script), (config) => {
    config.linux.resources = { pids: { limit: 4 } };
  });
  await using container = await runtime.create({ id: c.id, bundle: c.bundle });
  await container.start();
  for await (const event of container.events()) {
    if (event.type !== "pids-limit") continue;
    t.ok(event.refusals > 0);
    break;
  }
});

async function collect(events: AsyncIterable<ContainerEvent>): Promise<ContainerEvent[]> {
  const all: ContainerEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}
