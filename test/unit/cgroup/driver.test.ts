import { closeSync, existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { spawn } from "node:child_process";
import { once } from "node:events";
import t from "tap";
import {
  cgroupProcesses,
  createCgroup,
  isFrozen,
  isPopulated,
  killCgroup,
  removeCgroup,
} from "../../../src/cgroup/driver.ts";
import { readLayout } from "../../../src/cgroup/layout.ts";
import { type CgroupPlan, planCgroup } from "../../../src/cgroup/plan.ts";
import type { Resources } from "../../../src/spec/types.ts";

const layout = readLayout();
const skip =
  process.geteuid!() !== 0
    ? "needs root"
    : layout.mode === "none"
      ? "no cgroup v2 tree"
      : layout.writable === false
        ? "the cgroup tree is read-only"
        : false;
// What the lab's kernel has is not to be skipped for good.
const lab = process.env["TSRUN_LAB_INSIDE"] === undefined ? "lab: " : "";
const missing = (controller: string): string | false =>
  skip ||
  (layout.controllers.includes(controller) ? false : `${lab}controller ${controller} is not on v2`);

let count = 0;

/** A plan in a parent of its own, which goes with the test. */
function plan(t: { teardown(run: () => void): void }, resources?: Resources): CgroupPlan {
  const parent = `/tsrun-driver-test-${process.pid}-${count++}`;
  t.teardown(() => removeCgroup(layout.mountpoint + parent));
  return planCgroup({ cgroupsPath: `${parent}/a/b`, resources }, layout, {
    id: "x",
    rootless: false,
    systemd: null,
  })!;
}

/** Makes the cgroup without its device program, which is tested with the addon. */
function create(planned: CgroupPlan): string {
  const { fd, path } = createCgroup(planned, { deferDevices: true });
  closeSync(fd);
  return path;
}

/** A process that sleeps in the cgroup. */
async function sleeper(path: string): Promise<{ pid: number; ended: Promise<unknown> }> {
  const child = spawn("sleep", ["1000"], { stdio: "ignore" });
  const ended = once(child, "exit");
  writeFileSync(`${path}/cgroup.procs`, String(child.pid));
  return { pid: child.pid!, ended };
}

t.test("the cgroup and its parents are made; removal leaves the parents", { skip }, async (t) => {
  const path = create(plan(t));
  t.ok(existsSync(path));
  t.strictSame(cgroupProcesses(path), []);
  t.notOk(isPopulated(path));
  t.notOk(isFrozen(path));
  removeCgroup(path);
  t.notOk(existsSync(path));
  t.ok(existsSync(path.slice(0, -2)));
});

t.test("what is not there is empty, and removed already", { skip }, async (t) => {
  const path = `${layout.mountpoint}/tsrun-no-such-cgroup`;
  t.strictSame(cgroupProcesses(path), []);
  t.notOk(isPopulated(path));
  t.notOk(isFrozen(path));
  killCgroup(path, 9);
  killCgroup(path, 15);
  removeCgroup(path);
  t.notOk(existsSync(path));
});

t.test("an empty cgroup that is there already is used", { skip }, async (t) => {
  const planned = plan(t);
  create(planned);
  t.equal(create(planned), planned.path);
});

t.test(
  "processes are found, also below, and killed; nested cgroups go on removal",
  { skip },
  async (t) => {
    const path = create(plan(t));
    mkdirSync(`${path}/nested/deeper`, { recursive: true });
    const outer = await sleeper(path);
    const inner = await sleeper(`${path}/nested/deeper`);
    t.strictSame(new Set(cgroupProcesses(path)), new Set([outer.pid, inner.pid]));
    t.ok(isPopulated(path));
    killCgroup(path, 15);
    await Promise.all([outer.ended, inner.ended]);
    t.strictSame(cgroupProcesses(path), []);
    const last = await sleeper(`${path}/nested`);
    killCgroup(path, 9);
    await last.ended;
    removeCgroup(path);
    t.notOk(existsSync(path));
  },
);

t.test("a cgroup with processes is refused, and left as it is", { skip }, async (t) => {
  const planned = plan(t);
  const path = create(planned);
  mkdirSync(`${path}/nested`);
  const { pid, ended } = await sleeper(`${path}/nested`);
  t.throws(() => create(planned), {
    code: "CGROUP",
    message: "container's cgroup is not empty: 1 process(es) found",
    pointer: "/linux/cgroupsPath",
  });
  t.strictSame(cgroupProcesses(path), [pid]);
  t.throws(() => removeCgroup(path), {
    code: "CGROUP",
    errno: "EBUSY",
    message: new RegExp(`still in it: ${pid}$`),
  });
  killCgroup(path, 9);
  await ended;
});

t.test("a frozen cgroup is refused", { skip }, async (t) => {
  const planned = plan(t);
  const path = create(planned);
  writeFileSync(`${path}/cgroup.freeze`, "1");
  t.ok(isFrozen(path));
  t.throws(() => create(planned), {
    code: "CGROUP",
    message: "container's cgroup unexpectedly frozen",
  });
});

t.test("when a limit fails nothing that was made is left", { skip }, async (t) => {
  const planned = plan(t, { unified: { "cgroup.max.depth": "many" } });
  t.throws(() => create(planned), {
    code: "CGROUP",
    errno: "EINVAL",
    pointer: "/linux/resources/unified/cgroup.max.depth",
    message:
      /^unified resource "cgroup\.max\.depth": unable to write "many" to .*: invalid argument$/,
  });
  t.notOk(existsSync(planned.path.split("/").slice(0, -2).join("/")), "its parents neither");
});

t.test("a file that the kernel lacks is an error that lists those it has", { skip }, async (t) => {
  t.throws(() => create(plan(t, { unified: { "cgroup.nope": "1" } })), {
    code: "CGROUP",
    errno: "ENOENT",
    message: 'unified resource "cgroup.nope" can\'t be set: this kernel has no cgroup.nope',
    hint: /cgroup\.procs/,
  });
});

t.test(
  "a file that may be absent is passed over; what stands in for it is written",
  { skip },
  async (t) => {
    const planned = plan(t);
    const path = create({
      ...planned,
      writes: [
        { file: "cgroup.nope", value: "1", origin: "", optional: true },
        {
          file: "cgroup.nope",
          value: "1",
          origin: "",
          otherwise: { file: "cgroup.max.depth", value: "3" },
        },
      ],
    });
    t.equal(readFileSync(`${path}/cgroup.max.depth`, "utf8"), "3\n");
  },
);

t.test("the container's root gets the files that it needs, and no limit", { skip }, async (t) => {
  const { statSync } = await import("node:fs");
  const path = create({ ...plan(t), owner: 100000 });
  for (const file of ["", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"]) {
    t.equal(statSync(`${path}/${file}`).uid, 100000, file || "the directory");
  }
  t.equal(statSync(`${path}/cgroup.max.depth`).uid, 0);
});

t.test("every controller of the host is handed down", { skip }, async (t) => {
  const path = create(plan(t));
  const names = readFileSync(`${path}/cgroup.controllers`, "utf8").trim().split(" ");
  t.strictSame(names.toSorted(), layout.controllers.toSorted());
});

t.test(
  "a parent with processes cannot hand controllers down, and it is said why",
  { skip: missing("memory") },
  async (t) => {
    const planned = plan(t, { memory: { limit: 1 << 20 } });
    const parent = planned.path.slice(0, -2);
    mkdirSync(parent, { recursive: true });
    const { ended } = await sleeper(parent);
    t.throws(() => create(planned), {
      code: "CGROUP",
      errno: "EBUSY",
      pointer: "/linux/resources/memory/limit",
      message: /unable to enable controller "memory" in .*: processes are in that cgroup itself/,
    });
    killCgroup(parent, 9);
    await ended;
  },
);

t.test(
  "below a threaded cgroup a domain limit is refused",
  { skip: missing("memory") },
  async (t) => {
    const planned = plan(t, { memory: { limit: 1 << 20 } });
    const parent = planned.path.slice(0, -2);
    mkdirSync(planned.path, { recursive: true });
    writeFileSync(`${parent}/cgroup.type`, "threaded");
    t.throws(() => create(planned), { code: "CGROUP", pointer: "/linux/resources/memory/limit" });
    rmdirSync(planned.path);
  },
);

t.test(
  "limits are what the files say",
  { skip: missing("memory") || missing("pids") || missing("cpu") },
  async (t) => {
    const path = create(
      plan(t, {
        memory: { limit: 64 << 20, swap: 96 << 20, reservation: 32 << 20 },
        pids: { limit: 0 },
        cpu: { shares: 512, quota: 5000, period: 10000, burst: 4000, idle: 0 },
        unified: { "memory.high": String(48 << 20), "cpu.weight": "77" },
      }),
    );
    const read = (file: string): string => readFileSync(`${path}/${file}`, "utf8").trim();
    t.equal(read("memory.max"), String(64 << 20));
    t.equal(read("memory.swap.max"), String(32 << 20));
    t.equal(read("memory.low"), String(32 << 20));
    t.equal(read("memory.high"), String(48 << 20));
    t.equal(read("pids.max"), "1");
    t.equal(read("cpu.max"), "5000 10000");
    t.equal(read("cpu.max.burst"), "4000");
    t.equal(read("cpu.weight"), "77", "unified is last");
  },
);

t.test(
  "huge pages are limited, with their reservations",
  { skip: missing("hugetlb") },
  async (t) => {
    const path = create(plan(t, { hugepageLimits: [{ pageSize: "2MB", limit: 4 << 20 }] }));
    for (const file of ["hugetlb.2MB.max", "hugetlb.2MB.rsvd.max"]) {
      t.equal(readFileSync(`${path}/${file}`, "utf8"), `${4 << 20}\n`, file);
    }
    t.throws(() => create(plan(t, { hugepageLimits: [{ pageSize: "3MB", limit: 1 }] })), {
      code: "CGROUP",
      pointer: "/linux/resources/hugepageLimits/0",
      message: /this kernel has no hugetlb\.3MB\.max/,
      hint: /hugetlb\.2MB\.max/,
    });
  },
);

t.test(
  "without a limit, controllers that nobody asked for make no cgroup threaded",
  { skip: missing("memory") },
  async (t) => {
    const planned = plan(t);
    const parent = planned.path.slice(0, -2);
    mkdirSync(parent, { recursive: true });
    const { ended } = await sleeper(parent);
    t.equal(readFileSync(`${create(planned)}/cgroup.type`, "utf8"), "domain\n");
    killCgroup(parent, 9);
    await ended;
  },
);
