// The measuring part of library.ts, run in the tree. Commands are spawned with the addon's own vfork and waited for with a
// blocking call, so that what is timed is theirs.
import { closeSync, openSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { Runtime } from "./package/index.js";

const native = createRequire(import.meta.url)("./package/native/tsrun.node");
const [rounds, containers] = process.argv.slice(2).map(Number);
const warmUp = 5;
const bundles = { sleep: "/bench/sleep", true: "/bench/true" };
const runtime = Runtime.open({ root: "/run/library" });
const specs = Object.fromEntries(
  Object.entries(bundles).map(([name, bundle]) => [
    name,
    JSON.parse(readFileSync(`${bundle}/config.json`, "utf8")),
  ]),
);
const nothing = openSync("/dev/null", "r+");
const environment = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"];
const closeLater = [];
let count = 0;

function command(file, ...args) {
  const { pidfd } = native.spawn({
    file,
    argv: [file, ...args],
    env: environment,
    fds: [nothing, nothing, 2],
    cloneFlags: 0,
    cgroupFd: -1,
  });
  const { code } = native.waitPidfd(pidfd, false);
  closeLater.push(pidfd);
  if (code !== 0) throw new Error(`${file} ${args.join(" ")}: status ${code}`);
}

function cliLifecycle(file) {
  const id = `bench-${++count}`;
  command(file, "create", "-b", bundles.sleep, id);
  command(file, "start", id);
  command(file, "kill", id, "KILL");
  for (;;) {
    native.reapAny(); // the init comes to this process, as to a shim
    try {
      command(file, "delete", id);
      return;
    } catch {
      // not ended yet
    }
  }
}

async function libraryLifecycle() {
  const container = await runtime.create({
    id: `bench-${++count}`,
    bundle: bundles.sleep,
    spec: specs.sleep,
  });
  await container.start();
  await container.kill("KILL");
  await container.wait();
  await container.delete();
}

const floor = [
  "/bench/floor",
  "/sys/fs/cgroup/floor",
  `${bundles.true}/rootfs`,
  "/bench/filter",
  "/bench/devices",
];
const cases = {
  floor: () => command(...floor, "/bin/busybox", "true"),
  "library run": () =>
    runtime.run({ id: `bench-${++count}`, bundle: bundles.true, spec: specs.true }),
  "crun run": () => command("/usr/bin/crun", "run", "-b", bundles.true, `bench-${++count}`),
  "runc run": () => command("/usr/sbin/runc", "run", "-b", bundles.true, `bench-${++count}`),
  "library lifecycle": libraryLifecycle,
  "crun lifecycle": () => cliLifecycle("/usr/bin/crun"),
  "runc lifecycle": () => cliLifecycle("/usr/sbin/runc"),
};

native.setChildSubreaper(true);
const samples = Object.fromEntries(Object.keys(cases).map((name) => [name, []]));
for (let round = -warmUp; round < rounds; round += 1) {
  for (const [name, work] of Object.entries(cases)) {
    const before = performance.now();
    await work();
    if (round >= 0) samples[name].push(performance.now() - before);
    closeLater.splice(0).forEach((fd) => closeSync(fd));
  }
}
native.setChildSubreaper(false);

async function many(total, at, work) {
  let begun = 0;
  const take = async () => {
    while (begun < total) {
      begun += 1;
      await work();
    }
  };
  await Promise.all(Array.from({ length: at }, take));
}

/** Seconds that all processors together were busy. */
function busySeconds() {
  const [, user, nice, system] = readFileSync("/proc/stat", "utf8")
    .split("\n")[0]
    .split(/ +/)
    .map(Number);
  return (user + nice + system) / 100;
}

const delay = monitorEventLoopDelay({ resolution: 1 });
const parallel = [];
for (const at of [1, 2, 4, 16, 64]) {
  if (at === 16) delay.enable();
  const [before, busy] = [performance.now(), busySeconds()];
  await many(64, at, libraryLifecycle);
  const seconds = (performance.now() - before) / 1000;
  parallel.push({ at, seconds, cpu: (busySeconds() - busy) / seconds });
}
delay.disable();

const growth = [];
const look = (lives) => {
  gc();
  growth.push({
    lives,
    heap: process.memoryUsage().heapUsed,
    fds: readdirSync("/proc/self/fd").length,
  });
};
look(0);
for (let tenth = 1; tenth <= 10; tenth += 1) {
  await many(Math.ceil(containers / 10), 4, libraryLifecycle);
  look(tenth * Math.ceil(containers / 10));
}
console.log(JSON.stringify({ samples, parallel, growth, loopDelayMs: delay.max / 1e6 - 1 }));
