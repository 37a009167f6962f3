// What runs inside a container is the container's own: no process of the runtime is ever in its cgroup or namespaces,
// not even for a moment, as the image would have something to attack there.
import { readFileSync, readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { prepare, shell, type Container } from "./support/container.ts";
import { cgroupMount } from "./support/host.ts";
import { begin } from "./support/parallel.ts";
import { onlyTsrun } from "./support/runtime.ts";

t.setTimeout(120_000);

const skip = onlyTsrun("an init of its own program");
const namespaceTypes = ["mnt", "pid", "net", "ipc", "uts", "cgroup", "user"] as const;
const own = Object.fromEntries(
  namespaceTypes.map((type) => [type, readlinkSync(`/proc/self/ns/${type}`)]),
);

/** A process as it was seen at one moment. */
type Sighting = { pid: number; exe: string; foreign: string[]; inCgroup: boolean };

t.test("while a container is made only its init is inside", { skip }, async (t) => {
  for (let round = 0; round < 3; round += 1) {
    const c = container(t, ["sleep", "100"]);
    const { child, result } = begin(["--root", c.root, "create", "--bundle", c.bundle, c.id]);
    const seen = await watch(c, () => child.exitCode !== null || child.signalCode !== null);
    t.match(await result, { status: 0 });
    const inside = new Set(seen.filter(isInside).map(({ pid }) => pid));
    t.strictSame([...inside], [c.state().pid], "one process was in the cgroup or in namespaces");
    t.strictSame(
      seen.filter((sighting) => sighting.pid === child.pid && isInside(sighting)),
      [],
      "the runtime itself stayed outside",
    );
    t.match(readlinkSync(`/proc/${c.state().pid}/exe`), "/memfd:tsrun-init");
  }
});

t.test("between create and start nothing of the runtime is left", { skip }, async (t) => {
  const c = container(t, ["sleep", "100"]);
  c.create();
  const init = c.state().pid;
  const seen = look(c);
  t.strictSame(
    seen.filter(isInside).map(({ pid }) => pid),
    [init],
  );
  t.strictSame(
    readdirSync(`/proc/${init}/task`).length,
    1,
    "init has one thread, which no JavaScript engine has",
  );
});

t.test("from start to exit only the program is inside", { skip }, async (t) => {
  const c = container(t, shell("i=0; while [ $i -lt 20 ]; do i=$((i+1)); sleep 0.02; done"));
  c.create();
  const { child, result } = begin(["--root", c.root, "start", c.id]);
  const seen = await watch(c, () => child.exitCode !== null && !isRunning(c));
  t.match(await result, { status: 0 });
  const programs = new Set(seen.filter(isInside).map(({ exe }) => exe));
  for (const exe of programs) t.match(exe, /\/bin\/busybox$|^\/memfd:tsrun-init|^$/, exe);
  t.ok([...programs].some((exe) => exe.endsWith("/bin/busybox")));
});

t.test("a foreground run stays outside too", { skip }, async (t) => {
  const c = container(t, ["sleep", "0.5"]);
  const { child, result } = begin(["--root", c.root, "run", "--bundle", c.bundle, c.id]);
  const seen = await watch(c, () => child.exitCode !== null);
  t.match(await result, { status: 0 });
  t.ok(seen.some(isInside), "the program was seen");
  t.strictSame(
    seen.filter((sighting) => sighting.pid === child.pid && isInside(sighting)),
    [],
  );
  t.equal(new Set(seen.filter(isInside).map(({ pid }) => pid)).size, 1, "one process was inside");
});

t.test("delete and state do not enter", { skip }, async (t) => {
  const c = container(t, ["sleep", "100"]);
  c.create();
  c.start();
  const init = c.state().pid;
  for (const command of [["state"], ["kill", "KILL"], ["delete", "--force"]] as const) {
    const [name, ...rest] = command;
    const args = name === "kill" ? [name, c.id, ...rest] : [name, ...rest, c.id];
    const { child, result } = begin(["--root", c.root, ...args]);
    const seen = await watch(c, () => child.exitCode !== null);
    t.match(await result, { status: 0 }, name);
    const strangers = seen.filter((sighting) => isInside(sighting) && sighting.pid !== init);
    t.strictSame(strangers, [], name);
  }
});

function container(test: Test, args: string[]): Container {
  const c = prepare(test, (config) => {
    config.process.args = args;
    config.linux.namespaces.push({ type: "cgroup" });
  });
  c.configure((config) => (config.linux.cgroupsPath = `/${c.id}`));
  return c;
}

/** Looks as often as possible until it is over. */
async function watch(c: Container, over: () => boolean): Promise<Sighting[]> {
  const seen: Sighting[] = [];
  const end = performance.now() + 20_000;
  while (!over() && performance.now() < end) {
    seen.push(...look(c));
    await new Promise((resolve) => setImmediate(resolve));
  }
  return seen;
}

/** The processes in the container's cgroup, and our own descendants and orphans that left our namespaces. */
function look(c: Container): Sighting[] {
  const inCgroup = processesIn(c);
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) >= process.pid)
    .map(Number)
    .filter((pid) => inCgroup.includes(pid) || hasTraces(pid, c))
    .map((pid) => ({
      pid,
      exe: link(pid, "exe"),
      foreign: namespaceTypes.filter((type) => ![own[type], ""].includes(link(pid, `ns/${type}`))),
      inCgroup: inCgroup.includes(pid),
    }));
}

function isInside({ foreign, inCgroup }: Sighting): boolean {
  return inCgroup || foreign.length > 0;
}

function isRunning(c: Container): boolean {
  return processesIn(c).length > 0;
}

/** It names the container in its command line, or has its rootfs mounted. */
function hasTraces(pid: number, { id, bundle }: Container): boolean {
  const commands = read(`/proc/${pid}/cmdline`);
  return commands.includes(`${id}\0`) || read(`/proc/${pid}/mountinfo`).includes(bundle);
}

function processesIn({ id }: Container): number[] {
  const words = read(join(cgroupMount(), id, "cgroup.procs")).split("\n");
  return words.filter((word) => word !== "").map(Number);
}

function link(pid: number, name: string): string {
  try {
    return readlinkSync(`/proc/${pid}/${name}`);
  } catch {
    return "";
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
