// `exec` is killed at many moments, from its first instruction to after its end. Either its program runs by then, or
// nothing of it is left.
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t, { type Test } from "tap";
import { runContainer, type Running } from "./support/exec.ts";
import { begin } from "./support/parallel.ts";
import { commandLine, isAlive, livingProcesses } from "./support/process.ts";
import { notWith } from "./support/runtime.ts";
import { until } from "./support/wait.ts";

const rounds = Math.ceil(Number(process.env.TSRUN_CYCLES ?? 500) / 20);
const skip = notWith("runc", "is not what is asked here") || notWith("crun", "nor is this");

const keptExec = /^exec\.\d+(\.new)?$/;

t.setTimeout(300_000);

const ways = [
  ["detached", ["--detach"]],
  ["in the foreground", []],
] as const;

for (const by of ["the engine", "the launcher"] as const) {
  for (const [how, flags] of ways) {
    const name = `an exec of ${by} that is killed, ${how}: its program runs, or nothing is left`;
    t.test(name, { skip }, async (t) => {
      const c = runContainer(t);
      const before = traces(c);
      const forget = by === "the engine" ? forgetExecs : () => {};
      await duration(c, flags);
      if (by === "the launcher") await keepSleep(t, c, flags);
      forget(c);
      const whole = await duration(c, flags);
      let ran = 0;
      for (let round = 0; round < rounds; round += 1) {
        const moment = (whole * 1.2 * round) / rounds;
        forget(c);
        await interrupt(c, flags, moment);
        ran += settle(t, c, `after ${moment.toFixed(1)} of ${whole.toFixed(1)} ms`);
      }
      t.comment(`${ran} of ${rounds} programs were running`);
      t.strictSame(traces(c), before);
    });
  }
}

/** Lets it be done once. */
async function keepSleep(test: Test, c: Running, flags: readonly string[]): Promise<void> {
  const before = keptExecs(c).length;
  const { child } = begin(["--root", c.root, "exec", ...flags, c.id, "sleep", "777"]);
  const ended = once(child, "exit");
  test.ok(until(() => keptExecs(c).length > before));
  child.kill("SIGKILL");
  await ended;
  settle(test, c, "the first time");
}

/** What was done once is the launcher's from then on. */
function forgetExecs(c: Running): void {
  keptExecs(c).forEach((name) => rmSync(join(c.root, c.id, name), { force: true }));
}

function keptExecs(c: Running): string[] {
  return readdirSync(join(c.root, c.id)).filter((name) => keptExec.test(name));
}

t.test("a pid file of a killed exec names its program, if it is there", { skip }, async (t) => {
  const c = runContainer(t);
  const whole = await duration(c);
  const file = join(c.bundle, "exec.pid");
  for (let round = 0; round < rounds / 2; round += 1) {
    await interrupt(c, ["--detach", "--pid-file", file], whole * (0.5 + round / rounds));
    if (!existsSync(file)) continue;
    const pid = Number(readFileSync(file, "utf8"));
    t.ok(
      until(() => !isAlive(pid) || commandLine(pid) === "sleep 777"),
      "it is the program, or it has ended",
    );
    settle(t, c, `round ${round}`);
  }
});

/** How long an exec takes from its start to its end. */
async function duration(c: Running, flags: readonly string[] = []): Promise<number> {
  const start = performance.now();
  await begin(["--root", c.root, "exec", ...flags, c.id, "sleep", "0"]).result;
  return performance.now() - start;
}

async function interrupt(c: Running, flags: readonly string[], after: number): Promise<void> {
  const { child } = begin(["--root", c.root, "exec", ...flags, c.id, "sleep", "777"]);
  const ended = once(child, "exit");
  await sleep(after);
  child.kill("SIGKILL");
  await ended;
}

/** Waits until there are only programs left in the container, and ends those of exec; returns how many they were. */
function settle(test: Test, c: Running, when: string): number {
  test.ok(
    until(() => inside(c).every((pid) => commandLine(pid).startsWith("sleep "))),
    `nobody stays between ${when}`,
  );
  const programs = inside(c).filter((pid) => commandLine(pid) === "sleep 777");
  programs.forEach((pid) => process.kill(pid, "SIGKILL"));
  test.ok(until(() => inside(c).length === 1));
  return programs.length;
}

/** All living processes in the container's cgroup; an init on its way is born there. */
function inside(c: Running): number[] {
  const own = cgroupsOf(c.state().pid);
  return livingProcesses().filter((pid) => cgroupsOf(pid) === own);
}

function cgroupsOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cgroup`, "utf8");
  } catch {
    return "";
  }
}

/** What an exec could leave: files of the state directory (but what it keeps for the next one), descriptors of init, mounts. */
function traces(c: Running): unknown {
  const init = c.state().pid;
  return {
    state: readdirSync(join(c.root, c.id))
      .filter((name) => !keptExec.test(name))
      .sort(),
    descriptors: readdirSync(`/proc/${init}/fd`).sort(),
    mounts: readFileSync(`/proc/${init}/mountinfo`, "utf8").split("\n").length,
  };
}
