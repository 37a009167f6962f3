import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import t, { type Test } from "tap";
import { type Config, createSleeper, prepare, shell, type Container } from "./support/container.ts";
import { requires } from "./support/host.ts";
import { begin } from "./support/parallel.ts";
import { kind, notWith, onlyTsrun, runtime } from "./support/runtime.ts";
import { until } from "./support/wait.ts";

t.setTimeout(300_000);

const M = 1 << 20;
const crun = notWith("crun", "has no events");
/** On v1 runc waits for other things. */
const watching = crun || (kind === "runc" && requires("unified-cgroup"));
const memory = { skip: crun || requires("unified-cgroup", "memory", "cpu", "pids") };

type Event = { type: string; id: string; data?: Record<string, Record<string, unknown>> };

function running(t: Test, edit: (config: Config) => void = () => {}): Container {
  const c = createSleeper(t, edit);
  t.match(c.start(), { status: 0 });
  return c;
}

const events = (c: Container, ...flags: string[]): string[] => [
  "--root",
  c.root,
  "events",
  ...flags,
  c.id,
];
const parse = (text: string): Event[] =>
  text
    .trimEnd()
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Event);

t.test("events --stats prints the figures once, in one line", { skip: crun }, async (t) => {
  const c = running(t);
  const { status, stdout, stderr } = c.call(["events", "--stats", c.id]);
  t.match({ status, stderr }, { status: 0, stderr: "" });
  t.match(stdout, new RegExp(`^{"type":"stats","id":"${c.id}","data":{"cpu":.*}}\n$`));
  const [{ data }] = parse(stdout) as [Event];
  const keys = ["cpu", "cpuset", "memory", "pids", "blkio", "hugetlb", "intel_rdt"];
  t.strictSame(Object.keys(data!), [...keys, "network_interfaces"]);
  t.match(data, { cpu: { usage: { total: Number } }, pids: { current: 1 } });
});

t.test("the figures are those of the files, all digits of them", memory, async (t) => {
  const c = running(t, (config) => {
    config.linux.resources = { memory: { reservation: M }, pids: { limit: 20 } };
  });
  const read = (name: string): string =>
    readFileSync(`/sys/fs/cgroup/tests/${c.id}/${name}`, "utf8").trim();
  const { stdout } = c.call(["events", "--stats", c.id]);
  t.match(stdout, '"usage":{"limit":18446744073709551615,');
  const [{ data }] = parse(stdout) as [Event];
  t.match(data!.pids, { current: 1, limit: 20 });
  t.match(data!.memory, {
    usage: { usage: Number, failcnt: 0 },
    raw: { anon: Number, pgfault: Number },
  });
  const { usage } = data!.memory as { usage: { usage: number; max: number } };
  t.ok(usage.usage <= Number(read("memory.peak")));
  t.equal(usage.max, Number(read("memory.peak")));
  const total = Number(/^usage_usec (\d+)$/m.exec(read("cpu.stat"))![1]) * 1000;
  t.ok((data!.cpu!.usage as { total: number }).total <= total);
});

t.test(
  "events prints figures at each interval, and ends with the container",
  { skip: watching },
  async (t) => {
    const c = running(t);
    const watch = begin(events(c, "--interval", "100ms"));
    t.ok(
      until(() => parse(watch.stdout()).length >= 3),
      "three times",
    );
    c.kill("KILL");
    const { status, stdout, stderr } = await watch.result;
    t.equal(status, 0, stderr);
    for (const event of parse(stdout)) t.match(event, { type: "stats", id: c.id, data: Object });
  },
);

t.test("events ends when the container is deleted", { skip: watching }, async (t) => {
  const c = running(t);
  const watch = begin(events(c, "--interval", "1h"));
  t.ok(until(() => isWaiting(watch.child.pid!), 30_000));
  t.match(c.delete("--force"), { status: 0 });
  t.match(await watch.result, { status: 0, stdout: "" });
});

t.test(
  "events ends by a signal, and when nobody reads it",
  {
    skip: onlyTsrun("the end of a reader"),
  },
  async (t) => {
    const c = running(t);
    const watch = begin(events(c, "--interval", "1h"));
    t.ok(until(() => isWaiting(watch.child.pid!), 30_000));
    watch.child.kill("SIGTERM");
    t.match(await watch.result, { signal: "SIGTERM" });
    const child = spawn(runtime, events(c, "--interval", "1h"), {
      stdio: ["ignore", "pipe", "inherit"],
    });
    t.ok(until(() => isWaiting(child.pid!), 30_000));
    child.stdout.destroy();
    const [status] = (await once(child, "exit")) as [number];
    t.equal(status, 0);
  },
);

t.test("a process that the kernel kills for want of memory is an oom event", memory, async (t) => {
  const c = running(t, (config) => {
    config.linux.resources = { memory: { limit: 20 * M, swap: 20 * M } };
    config.process.args = shell(
      "until test -e /tmp/go; do sleep 0.1; done; head -c 40000000 /dev/zero | tail -c 40000000 >/dev/null; sleep 1000",
    );
  });
  const watch = begin(events(c, "--interval", "1h"));
  t.ok(until(() => isWaiting(watch.child.pid!), 30_000));
  writeFileSync(`${c.rootfs}/tmp/go`, "");
  t.ok(until(() => watch.stdout() === `{"type":"oom","id":"${c.id}"}\n`));
  c.kill("KILL");
  t.match(await watch.result, { status: 0 });
});

t.test(
  "a container that is not running, one that is not there, and an interval of 0 are refused",
  {
    skip: crun,
  },
  async (t) => {
    const c = running(t, (config) => (config.process.args = ["true"]));
    t.ok(c.waitFor("stopped"));
    for (const flags of [[], ["--stats"]]) {
      const { status, stderr } = c.call(["events", ...flags, c.id]);
      t.equal(status, 1);
      t.match(stderr, `container with id ${c.id} is not running`);
    }
    t.match(c.call(["events", "none"]), { status: 1, stderr: /container does not exist/ });
    t.match(c.call(["events", "--interval", "0", c.id]), {
      status: 1,
      stderr: /duration interval must be greater than 0/,
    });
  },
);

t.test("a created and a paused container have figures", { skip: crun }, async (t) => {
  const c = prepare(t);
  c.create();
  t.match(c.call(["events", "--stats", c.id]), { status: 0, stdout: /"type":"stats"/ });
  c.call(["pause", c.id]);
  t.match(c.call(["events", "--stats", c.id]), { status: 0, stdout: /"type":"stats"/ });
});

/** In poll(2) or what the runtime waits in: it has begun to watch. */
function isWaiting(pid: number): boolean {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  if (children !== "") return isWaiting(Number(children.split(" ")[0]));
  const fds = kind === "tsrun" ? "cgroup.events" : "inotify";
  return openFiles(pid).some((target) => target.includes(fds));
}

function openFiles(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
  } catch {
    return []; // one of them closed meanwhile
  }
}
