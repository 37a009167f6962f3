// A pool of warm sandboxes: containers wait with an empty process, a request gets one at once, and nobody gets one that
// was used before.
//
//     node examples/sandbox-pool.ts      (as root)
import { text } from "node:stream/consumers";
import { Runtime, type Container } from "tsrun";
import { makeRootfs, sandbox } from "./sandbox.ts";

const runtime = Runtime.open();

/** Keeps so many containers ready. */
export function openPool(rootfs: string, size: number) {
  const warm: Promise<Container>[] = [];
  const refill = (): void => {
    while (warm.length < size) {
      const container = makeWarm(rootfs);
      container.catch(() => {}); // whoever takes it is told
      warm.push(container);
    }
  };
  refill();
  return {
    /** Runs a shell script in a container of its own. */
    async run(script: string): Promise<{ exitCode: number | null; output: string }> {
      const taken = warm.shift()!;
      refill();
      await using container = await taken;
      const process = await container.exec({
        args: ["sh", "-c", script],
        stdio: { stdout: "pipe" },
      });
      const output = await text(process.stdout!);
      const { exitCode } = await process.wait();
      return { exitCode, output };
    },
    async [Symbol.asyncDispose](): Promise<void> {
      for (const one of await Promise.allSettled(warm.splice(0))) {
        if (one.status === "fulfilled") await one.value[Symbol.asyncDispose]();
      }
    },
  };
}

async function makeWarm(rootfs: string): Promise<Container> {
  const container = await runtime.create({ spec: sandbox(rootfs, ["sleep", "1000000"]) });
  await container.start();
  return container;
}

await using rootfs = await makeRootfs();
await using pool = openPool(rootfs.path, 3);
const jobs = Array.from(
  { length: 6 },
  (_, index) => `test ! -e /tmp/mark; echo > /tmp/mark; echo job ${index}`,
);
const results = await Promise.all(jobs.map((script) => pool.run(script)));
for (const { exitCode, output } of results) console.log(`${output.trim()}: status ${exitCode}`);
