// A runner of build steps: each in a container of its own, all with one workspace, what they print line by line with the
// name of the step, and an end at the first that fails or takes too long.
//
//     node examples/ci-steps.ts          (as root)
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import type { Readable } from "node:stream";
import { Runtime, TsrunError } from "tsrun";
import { makeRootfs, sandbox } from "./sandbox.ts";

type Step = { readonly name: string; readonly run: string; readonly timeoutMs?: number };

const runtime = Runtime.open();

/** Runs the steps in order; says whether all of them went well. */
export async function runSteps(
  rootfs: string,
  workspace: string,
  steps: readonly Step[],
): Promise<boolean> {
  for (const step of steps) {
    const result = await runStep(rootfs, workspace, step);
    console.log(`${step.name}: ${result}`);
    if (result !== "passed") return false;
  }
  return true;
}

async function runStep(
  rootfs: string,
  workspace: string,
  { name, run, timeoutMs = 60_000 }: Step,
): Promise<string> {
  const place = { destination: "/tmp", type: "bind", source: workspace, options: ["bind", "rw"] };
  try {
    const status = await runtime.run({
      spec: sandbox(rootfs, ["sh", "-ec", run], { mounts: [place] }),
      signal: AbortSignal.timeout(timeoutMs),
      stdio: { stdout: "pipe", stderr: "pipe" },
      whileRunning: async ({ stdout, stderr }) => {
        await Promise.all([show(name, stdout!), show(name, stderr!)]);
      },
    });
    return status.exitCode === 0 ? "passed" : `failed (${status.exitCode ?? status.signal})`;
  } catch (error) {
    if (error instanceof TsrunError && error.code === "ABORTED") return "took too long";
    throw error;
  }
}

async function show(name: string, stream: Readable): Promise<void> {
  for await (const line of createInterface({ input: stream })) console.log(`${name} | ${line}`);
}

await using rootfs = await makeRootfs();
const workspace = await mkdtemp(join(tmpdir(), "tsrun-workspace-"));
try {
  await chmod(workspace, 0o777);
  const passed = await runSteps(rootfs.path, workspace, [
    { name: "build", run: "echo made of source > product; echo built" },
    { name: "test", run: "grep source product; echo checked >&2" },
    { name: "hang", run: "sleep 1000", timeoutMs: 500 },
    { name: "publish", run: "echo never" },
  ]);
  console.log(passed ? "all passed" : "stopped");
} finally {
  await rm(workspace, { recursive: true, force: true });
}
