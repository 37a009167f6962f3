import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import type { CgroupWrite } from "../../../src/cgroup/resources.ts";
import { updateCgroup } from "../../../src/cgroup/update.ts";
import { TsrunError } from "../../../src/errors.ts";

const nothingMore = (): void => {};

/** Files in place of a cgroup's; they take any value of the length of the one they have. */
function files(t: Test, content: Record<string, string>): string {
  return t.testdir({ "cgroup.controllers": "cpu io memory pids", ...content });
}

const write = (file: string, value: string, more: Partial<CgroupWrite> = {}): CgroupWrite => ({
  file,
  value,
  origin: `/linux/resources/unified/${file}`,
  ...more,
});

const read = (path: string, file: string): string => readFileSync(join(path, file), "utf8");

t.test("all values are written, in order, and then the rest is done", async (t) => {
  const path = files(t, { "memory.max": "1000", "pids.max": "10" });
  let seen = "";
  updateCgroup(
    { path },
    {
      writes: [write("memory.max", "2000"), write("pids.max", "20")],
      finish: () => (seen = read(path, "memory.max") + read(path, "pids.max")),
    },
  );
  t.equal(seen, "200020");
});

t.test("when a value is refused, those before it are put back", async (t) => {
  const path = files(t, { "memory.max": "1000", "memory.low": "500" });
  mkdirSync(join(path, "pids.max")); // a write to it fails, reading as well
  const writes = [write("memory.max", "2000"), write("memory.low", "600"), write("pids.max", "x")];
  t.throws(() => updateCgroup({ path }, { writes, finish: nothingMore }), {
    code: "CGROUP",
    errno: "EISDIR",
    message: `unified resource "pids.max": unable to write "x" to ${path}/pids.max: is a directory (EISDIR); put back as before: memory.low, memory.max`,
  });
  t.equal(read(path, "memory.max"), "1000");
  t.equal(read(path, "memory.low"), "500");
});

t.test("systemd is told first, and of the values of before when something fails", async (t) => {
  const path = files(t, { "memory.max": "1000", "pids.max": "10" });
  const told: string[] = [];
  const tell = (writes: readonly CgroupWrite[]): unknown =>
    told.push(`${read(path, "memory.max")}: ${writes.map(({ value }) => value).join(" ")}`);
  const writes = [write("memory.max", "2000"), write("pids.max", "20")];
  updateCgroup({ path }, { writes, tell, finish: nothingMore });
  t.strictSame(told.splice(0), ["1000: 2000 20"]);
  const finish = (): never => {
    throw new TsrunError("CGROUP", "no");
  };
  const again = [write("memory.max", "3000")];
  t.throws(() => updateCgroup({ path }, { writes: again, tell, finish }), { code: "CGROUP" });
  t.strictSame(told, ["2000: 3000", "3000: 2000"]);
  t.equal(read(path, "memory.max"), "2000");
});

t.test("when systemd refuses, nothing is written", async (t) => {
  const path = files(t, { "memory.max": "1000" });
  const tell = (): never => {
    throw new TsrunError("CGROUP", "no bus");
  };
  const writes = [write("memory.max", "2000")];
  t.throws(() => updateCgroup({ path }, { writes, tell, finish: nothingMore }), {
    message: "no bus",
  });
  t.equal(read(path, "memory.max"), "1000");
});

t.test("when what belongs to it fails, all values are put back", async (t) => {
  const path = files(t, { "memory.max": "1000" });
  const finish = (): never => {
    throw new TsrunError("CGROUP", "unable to set device rules", { errno: "EPERM" });
  };
  t.throws(() => updateCgroup({ path }, { writes: [write("memory.max", "2000")], finish }), {
    message: "unable to set device rules (EPERM); put back as before: memory.max",
  });
  t.equal(read(path, "memory.max"), "1000");
});

t.test("a file that is not there is found before anything is written", async (t) => {
  const path = files(t, { "memory.max": "1000", "io.weight": "default 100\n" });
  const attempt = (...writes: CgroupWrite[]) =>
    updateCgroup({ path }, { writes, finish: nothingMore });
  t.throws(() => attempt(write("memory.max", "2000"), write("hugetlb.2MB.max", "0")), {
    message: /controller "hugetlb" not available/,
  });
  t.equal(read(path, "memory.max"), "1000");
  attempt(write("memory.swap.max", "0", { optional: true }));
  attempt(
    write("io.bfq.weight", "100", { otherwise: { file: "io.weight", value: "default 200" } }),
  );
  t.equal(read(path, "io.weight"), "default 200\n");
});

t.test("of files with a line for each device, the line is put back", async (t) => {
  const cases: [file: string, present: string, value: string, undone: string][] = [
    [
      "io.max",
      "8:0 rbps=1 wbps=max riops=max wiops=max\n",
      "8:0 rbps=2",
      "8:0 rbps=1 wbps=max riops=max wiops=max",
    ],
    [
      "io.max",
      "8:0 rbps=1 wbps=max riops=max wiops=max\n",
      "8:16 rbps=2",
      "8:16 rbps=max wbps=max riops=max wiops=max",
    ],
    ["io.weight", "default 100\n8:0 300\n", "200", "default 100"],
    ["io.weight", "default 100\n8:0 300\n", "8:0 50", "8:0 300"],
    ["io.weight", "default 100\n", "8:0 50", "8:0 default"],
    [
      "rdma.max",
      "mlx hca_handle=2 hca_object=max\n",
      "mlx hca_handle=9",
      "mlx hca_handle=2 hca_object=max",
    ],
    ["cpuset.cpus", "\n", "0-1", "\n"],
    ["cpu.max", "50000 100000\n", "max 100000", "50000 100000"],
  ];
  for (const [file, present, value, undone] of cases) {
    const path = files(t, { [file]: present });
    mkdirSync(join(path, "pids.max"));
    t.throws(() =>
      updateCgroup(
        { path },
        { writes: [write(file, value), write("pids.max", "1")], finish: nothingMore },
      ),
    );
    t.equal(read(path, file).slice(0, undone.length), undone, `${file}: ${value}`);
  }
});

t.test("what cannot be put back is named", async (t) => {
  const path = files(t, {});
  // The kernel takes numbers from -1000 to 1000 here, and nothing else.
  symlinkSync("/proc/self/oom_score_adj", join(path, "memory.max"));
  mkdirSync(join(path, "memory.reclaim"));
  mkdirSync(join(path, "pids.max"));
  t.throws(
    () => updateCgroup({ path }, { writes: [write("memory.max", "none")], finish: nothingMore }),
    { message: /unable to write "none" .*: invalid argument \(EINVAL\); nothing was changed$/ },
  );
});
