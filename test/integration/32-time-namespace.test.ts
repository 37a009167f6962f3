import { chmodSync, readFileSync, readlinkSync } from "node:fs";
import t from "tap";
import { prepare, shell, type Config } from "./support/container.ts";
import { kind, runcBefore, scratch } from "./support/runtime.ts";

const skip = runcBefore("1.2", "knows no time namespace");
const uptime = () => Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);

t.test("a new time namespace has the clocks that were asked for", { skip }, async (t) => {
  const c = prepare(t, (config) => {
    withTime(config, { boottime: { secs: 1_000_000, nanosecs: 5 }, monotonic: { secs: -30 } });
    config.process.args = shell("cat /proc/self/timens_offsets; cut -d' ' -f1 /proc/uptime");
  });
  const before = uptime();
  const { status, stdout, stderr } = c.run();
  t.match({ status, stderr }, { status: 0, stderr: "" });
  t.match(stdout, /^monotonic\s+-30\s+0$/m);
  t.match(stdout, /^boottime\s+1000000\s+5$/m);
  const inside = Number(stdout.trim().split("\n").at(-1));
  t.ok(inside >= before + 1_000_000 && inside < before + 1_000_100, "uptime is shifted");
});

t.test("one without offsets keeps the host's clocks", { skip }, async (t) => {
  const c = prepare(t, (config) => {
    withTime(config);
    config.process.args = shell("cat /proc/self/timens_offsets; readlink /proc/self/ns/time");
  });
  const { status, stdout } = c.run();
  t.equal(status, 0);
  t.match(stdout, /^monotonic\s+0\s+0\nboottime\s+0\s+0\n/);
  t.notMatch(stdout, readlinkSync("/proc/self/ns/time"));
});

t.test("works together with a user namespace", { skip }, async (t) => {
  chmodSync(scratch, 0o711);
  const maps = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
  const c = prepare(t, (config) => {
    withTime(config, { boottime: { secs: 5000 } });
    config.linux.namespaces.push({ type: "user" });
    Object.assign(config.linux, { uidMappings: maps, gidMappings: maps });
    config.process.args = ["cat", "/proc/self/timens_offsets"];
  });
  t.match(c.run(), { status: 0, stderr: "", stdout: /boottime\s+5000\s+0/ });
});

t.test("a time namespace can be joined", { skip }, async (t) => {
  const first = prepare(t, (config) => withTime(config, { boottime: { secs: 7000 } }));
  t.equal(first.create().status, 0, first.stderr());
  const path = `/proc/${first.state().pid}/ns/time`;
  const c = prepare(t, (config) => {
    config.linux.namespaces.push({ type: "time", path });
    config.process.args = shell("readlink /proc/self/ns/time; cat /proc/self/timens_offsets");
  });
  t.match(c.run(), { status: 0, stderr: "" });
  t.match(c.stdout(), readlinkSync(path));
  t.match(c.stdout(), /boottime\s+7000\s+0/);
});

t.test("offsets without a new time namespace are an error", { skip }, async (t) => {
  const c = prepare(t, (config) => (config.linux.timeOffsets = { boottime: { secs: 1 } }));
  const { status, stderr } = c.call(["create", "--bundle", c.bundle, c.id]);
  t.equal(status, 1);
  t.match(stderr, /time namespace/i);
});

t.test("a clock that would be before the boot is an error", { skip }, async (t) => {
  const c = prepare(t, (config) => withTime(config, { boottime: { secs: -1_000_000_000 } }));
  const { status, stderr } = c.call(["create", "--bundle", c.bundle, c.id]);
  t.equal(status, 1);
  t.match(stderr, /timens_offsets|clocks/);
  if (kind === "tsrun") t.match(stderr, "/linux/timeOffsets");
});

function withTime(config: Config, timeOffsets?: Config["linux"]["timeOffsets"]): void {
  config.linux.namespaces.push({ type: "time" });
  if (timeOffsets !== undefined) config.linux.timeOffsets = timeOffsets;
}
