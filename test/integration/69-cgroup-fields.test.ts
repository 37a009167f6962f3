// Fields of linux.resources that not every machine has, and what a container may do with its own cgroup.
import { chmodSync, existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { type Config, createSleeper, prepare, shell, type Container } from "./support/container.ts";
import { cgroupMount, findProgram, requires } from "./support/host.ts";
import { cgroupsNamed } from "./support/remains.ts";
import { execute, onlyTsrun, scratch } from "./support/runtime.ts";
import { until } from "./support/wait.ts";

t.setTimeout(300_000);
chmodSync(scratch, 0o711); // the root of a user namespace has to get through

const ours = onlyTsrun("limits on the v2 half of a hybrid host");
const tree = cgroupMount();
const controllers = existsSync(tree)
  ? readFileSync(`${tree}/cgroup.controllers`, "utf8").trim().split(" ")
  : [];
const hugetlb =
  ours || (!controllers.includes("hugetlb") && "needs the hugetlb controller on cgroup v2");
const pressure = ours || (!existsSync(`${tree}/cpu.pressure`) && "needs a kernel with PSI");

const file = (c: Container, name: string): string =>
  readFileSync(`${tree}/tests/${c.id}/${name}`, "utf8").trim();

const figures = (c: Container) =>
  JSON.parse(c.call(["events", "--stats", c.id]).stdout) as {
    data: {
      hugetlb: Record<string, { usage?: number; failcnt: number }>;
      cpu: { psi?: unknown };
      memory: { psi?: unknown };
      blkio: { psi?: unknown };
    };
  };

t.test("huge pages are limited, and their reservations too", { skip: hugetlb }, async (t) => {
  const c = createSleeper(t, (config) => {
    config.linux.resources = { hugepageLimits: [{ pageSize: "2MB", limit: 4 << 20 }] };
  });
  t.equal(file(c, "hugetlb.2MB.max"), String(4 << 20));
  t.equal(file(c, "hugetlb.2MB.rsvd.max"), String(4 << 20));
  const input = JSON.stringify({ hugepageLimits: [{ pageSize: "2MB", limit: 8 << 20 }] });
  t.match(c.call(["update", "-r", "-", c.id], { input }), { status: 0, stderr: "" });
  t.equal(file(c, "hugetlb.2MB.max"), String(8 << 20));
  t.equal(file(c, "hugetlb.2MB.rsvd.max"), String(8 << 20));
  t.strictSame(figures(c).data.hugetlb["2MB"], { failcnt: 0 });
});

t.test(
  "an update with a value that is refused puts the one before back",
  { skip: hugetlb },
  async (t) => {
    const c = createSleeper(t, (config) => {
      config.linux.resources = { hugepageLimits: [{ pageSize: "2MB", limit: 4 << 20 }] };
    });
    const input = JSON.stringify({
      hugepageLimits: [{ pageSize: "2MB", limit: 8 << 20 }],
      unified: { "cgroup.max.depth": "deep" },
    });
    const { status, stderr } = c.call(["update", "-r", "-", c.id], { input });
    t.equal(status, 1);
    t.match(stderr, "put back as before: hugetlb.2MB.rsvd.max, hugetlb.2MB.max");
    t.equal(file(c, "hugetlb.2MB.max"), String(4 << 20));
  },
);

t.test(
  "a size of huge pages that the kernel lacks is an error that names the field",
  { skip: hugetlb },
  async (t) => {
    const c = prepare(t, (config) => {
      config.linux.resources = { hugepageLimits: [{ pageSize: "3MB", limit: 0 }] };
    });
    t.equal(c.create().status, 1);
    t.match(c.stderr(), "linux.resources.hugepageLimits[0]");
    t.match(c.stderr(), "hugetlb.2MB.max", "and the sizes that there are");
  },
);

t.test("figures have the pressure on cpu, memory and io", { skip: pressure }, async (t) => {
  const c = createSleeper(t);
  const average = { avg10: Number, avg60: Number, avg300: Number, total: Number };
  const { cpu, memory, blkio } = figures(c).data;
  for (const { psi } of [cpu, memory, blkio]) t.match(psi, { some: average, full: average });
});

function delegated(config: Config): void {
  const map = { containerID: 0, hostID: 100_000, size: 65_536 };
  config.linux.uidMappings = [map];
  config.linux.gidMappings = [map];
  config.linux.namespaces.push({ type: "user" }, { type: "cgroup" });
  config.mounts.push({
    destination: "/sys/fs/cgroup",
    type: "cgroup",
    source: "cgroup",
    options: ["nosuid", "noexec", "nodev"],
  });
}

t.test(
  "in a user namespace with a cgroup namespace the cgroup is the container's own",
  { skip: ours },
  async (t) => {
    const c = createSleeper(t, delegated);
    const directory = `${tree}/tests/${c.id}`;
    const given = [
      "",
      ...readFileSync("/sys/kernel/cgroup/delegate", "utf8").trim().split("\n"),
    ].filter((name) => existsSync(join(directory, name)));
    t.ok(given.includes("cgroup.procs"));
    for (const name of given) t.equal(statSync(join(directory, name)).uid, 100_000, name);
    const others = readdirSync(directory).filter((name) => !given.includes(name));
    t.ok(others.includes("cgroup.freeze"));
    for (const name of others) t.equal(statSync(join(directory, name)).uid, 0, name);
  },
);

t.test("a container makes cgroups in its own, which go with it", { skip: ours }, async (t) => {
  const c = createSleeper(t, (config) => {
    delegated(config);
    config.process.args = shell(
      "mkdir -p /sys/fs/cgroup/a/b /sys/fs/cgroup/c && echo $$ > /sys/fs/cgroup/a/b/cgroup.procs && cat /proc/self/cgroup && sleep 1000",
    );
  });
  c.start();
  t.ok(
    until(() => c.stdout().endsWith("\n0::/a/b\n") || c.stdout() === "0::/a/b\n"),
    c.stdout() + c.stderr(),
  );
  t.equal(c.status(), "running");
  t.match(c.call(["ps", "-f", "json", c.id]).stdout, /^\[\d+(,\d+)*\]\n$/);
  t.match(c.call(["pause", c.id]), { status: 0 });
  t.equal(c.status(), "paused");
  t.match(c.delete("--force"), { status: 0, stderr: "" });
  t.strictSame(cgroupsNamed(c.id), []);
});

t.test("without a cgroup namespace the cgroup stays the host's", { skip: ours }, async (t) => {
  const c = createSleeper(t, (config) => {
    delegated(config);
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "cgroup");
  });
  t.equal(statSync(`${tree}/tests/${c.id}/cgroup.procs`).uid, 0);
});

const runc = findProgram("runc");
t.test(
  "the weight of cpu shares is that of the runc beside",
  {
    skip: requires("unified-cgroup", "cpu") || ours || (runc === null && "needs runc"),
  },
  async (t) => {
    const c = createSleeper(t);
    const other = createSleeper(t);
    other.delete("--force");
    const call = (...args: string[]) =>
      execute(runc!, ["--root", join(scratch, "runc"), ...args], {
        output: { stdout: "/dev/null", stderr: "/dev/null" },
      });
    t.teardown(() => call("delete", "--force", other.id));
    t.equal(call("create", "--bundle", other.bundle, other.id).status, 0);
    for (const shares of ["2", "10", "100", "1024", "2048", "200000", "262144"]) {
      t.match(c.call(["update", "--cpu-share", shares, c.id]), { status: 0 });
      t.equal(call("update", "--cpu-share", shares, other.id).status, 0);
      t.equal(file(c, "cpu.weight"), file(other, "cpu.weight"), `${shares} shares`);
    }
  },
);
