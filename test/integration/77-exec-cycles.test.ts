// Many execs into one container, a few at a time: whatever each would leave behind adds up and is found.
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { runContainer, type Running } from "./support/exec.ts";
import { cgroupMount } from "./support/host.ts";
import { begin } from "./support/parallel.ts";
import { livingProcesses } from "./support/process.ts";
import { until } from "./support/wait.ts";

/** 1,000 unless told otherwise. */
const execs = Number(process.env.TSRUN_CYCLES ?? 500) * 2;
const atOnce = 4;

t.setTimeout(900_000);

t.test(`${execs} execs into one container leave nothing`, async (t) => {
  const c = runContainer(t);
  // What the first of a kind makes for all others is no leak.
  for (const number of [1, 5]) await begin(words(c, number)).result;
  const before = traces(c);
  let started = 0;
  const failures: string[] = [];
  const work = async (): Promise<void> => {
    while (started < execs) {
      started += 1;
      const wanted = expected(started);
      const { status, stderr } = await begin(words(c, started)).result;
      if (status !== wanted) failures.push(`${status} is not ${wanted}: ${stderr}`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  t.strictSame(failures.slice(0, 5), []);
  let after = traces(c);
  until(() => {
    after = traces(c);
    return JSON.stringify(after) === JSON.stringify(before);
  });
  t.strictSame(after, before);
});

/** Every third writes a pid file, every fifth is detached, every seventh fails. */
function words(c: Running, number: number): string[] {
  const pidFile = ["--pid-file", join(c.bundle, `exec-${number % 20}.pid`)];
  const flags = [...(number % 3 === 0 ? pidFile : []), ...(number % 5 === 0 ? ["--detach"] : [])];
  const program = number % 7 === 0 ? ["absent"] : ["sh", "-c", "exit 3"];
  return ["--root", c.root, "exec", ...flags, c.id, ...program];
}

function expected(number: number): number {
  if (number % 7 === 0) return 255;
  return number % 5 === 0 ? 0 : 3;
}

/** What there is of a container: processes, open files, memory files, cgroups, keyrings, files, mounts. */
function traces(c: Running): Record<string, unknown> {
  const init = c.state().pid;
  const cgroup = /^0::(.*)$/m.exec(readFileSync(`/proc/${init}/cgroup`, "utf8"))?.[1] ?? "";
  const directory = cgroupMount() + cgroup;
  return {
    processes: existsSync(`${directory}/cgroup.procs`)
      ? readFileSync(`${directory}/cgroup.procs`, "utf8").trim().split("\n").length
      : 0,
    cgroups: existsSync(directory)
      ? readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory())
          .length
      : 0,
    descriptors: readdirSync(`/proc/${init}/fd`).length,
    memory: memoryFiles(),
    keyrings: readFileSync("/proc/keys", "utf8").split(`_ses.${c.id}`).length - 1,
    state: readdirSync(join(c.root, c.id)).sort(),
    files: readdirSync(c.rootfs, { recursive: true }).length,
    mounts: readFileSync(`/proc/${init}/mountinfo`, "utf8").split("\n").length,
    own: readdirSync("/proc/self/fd").length,
  };
}

/** How many descriptors of init's and plans' memory files are open anywhere. */
function memoryFiles(): number {
  return livingProcesses().reduce((total, pid) => total + memoryFilesOf(pid), 0);
}

function memoryFilesOf(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).filter((fd) =>
      readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith("/memfd:tsrun"),
    ).length;
  } catch {
    return 0; // it ended meanwhile
  }
}
