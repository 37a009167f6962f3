// A judge of programs: each answer is run with its own limits of time and memory, and compared with what is expected.
//
//     node examples/code-judge.ts        (as root, with cgroup v2)
import { text } from "node:stream/consumers";
import { Runtime, TsrunError, type ExitStatus } from "tsrun";
import { makeRootfs, sandbox } from "./sandbox.ts";

type Verdict = "accepted" | "wrong answer" | "too slow" | "too much memory" | "failed";
type Limits = { readonly timeMs: number; readonly memoryBytes: number };
type Question = { readonly input: string; readonly expected: string };

const runtime = Runtime.open();

/** Runs one shell script on one question. */
export async function judge(
  rootfs: string,
  script: string,
  { input, expected }: Question,
  limits: Limits,
): Promise<Verdict> {
  const spec = sandbox(rootfs, ["sh", "-c", script]);
  const memory = { limit: limits.memoryBytes, swap: limits.memoryBytes };
  spec.linux = { ...spec.linux, resources: { memory, pids: { limit: 32 } } };
  let answer = "";
  let status: ExitStatus;
  try {
    status = await runtime.run({
      spec,
      signal: AbortSignal.timeout(limits.timeMs),
      stdio: { stdin: "pipe", stdout: "pipe" },
      whileRunning: async ({ stdin, stdout }) => {
        stdin!.on("error", () => {}); // it need not read what it is asked
        stdin!.end(input);
        answer = await text(stdout!);
      },
    });
  } catch (error) {
    if (error instanceof TsrunError && error.code === "ABORTED") return "too slow";
    throw error;
  }
  if (status.oom) return "too much memory";
  if (status.exitCode !== 0) return "failed";
  return answer === expected ? "accepted" : "wrong answer";
}

await using rootfs = await makeRootfs();
const question = { input: "3\n1\n2\n", expected: "1\n2\n3\n" };
const limits = { timeMs: 5000, memoryBytes: 16 << 20 };
const answers = {
  sorts: "sort",
  "does nothing": "cat",
  "never ends": "while :; do :; done",
  "reads all zeros": "tail /dev/zero",
  "gives up": "exit 1",
};
for (const [name, script] of Object.entries(answers)) {
  console.log(`${name}: ${await judge(rootfs.path, script, question, limits)}`);
}
