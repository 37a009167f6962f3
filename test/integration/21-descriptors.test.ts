import { openSync, readdirSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { prepare, shell } from "./support/container.ts";
import { addProbe } from "./support/probe.ts";
import { execute, kind, runcBefore, runtime } from "./support/runtime.ts";

t.test("--preserve-fds N passes 3 to 2+N", async (t) => {
  const c = prepare(t, (config) => (config.process.args = shell("cat <&3; cat <&4; probe fds")));
  addProbe(c);
  writeFileSync(join(c.bundle, "three"), "three\n");
  writeFileSync(join(c.bundle, "four"), "four\n");
  const extraFds = [openSync(join(c.bundle, "three"), "r"), openSync(join(c.bundle, "four"), "r")];
  t.match(c.run(["--preserve-fds", "2"], { extraFds }).stdout, "three\nfour\n0 1 2 3 4 \n");
});

t.test("descriptors that are not to be preserved are closed", async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["probe", "fds"]));
  addProbe(c);
  const extraFds = [openSync("/dev/null", "r"), openSync("/", "r"), openSync("/etc/passwd", "r")];
  t.equal(c.run([], { extraFds }).stdout, "0 1 2 \n");
});

t.test("a container that is only created holds its streams and the exec fifo", async (t) => {
  const c = prepare(t, (config) => {
    config.linux.maskedPaths = ["/proc/kcore", "/proc/acpi", "/sys/firmware"];
    config.linux.readonlyPaths = ["/proc/sys"];
  });
  t.equal(c.create().status, 0, c.stderr());
  const directory = `/proc/${c.state().pid}/fd`;
  const others = readdirSync(directory)
    .filter((fd) => Number(fd) > 2)
    .map((fd) => readlinkSync(join(directory, fd)));
  // runc's Go has some for itself
  const known = /exec\.fifo$|^anon_inode:|^pipe:|^socket:|^\/$/;
  t.strictSame(
    others.filter((target) => !known.test(target)),
    [],
  );
  if (kind === "tsrun") t.equal(others.length, 1);
});

t.test(
  "--preserve-fds of descriptors that are not there fails",
  { skip: runcBefore("1.2", "passes what it has itself open there") },
  async (t) => {
    const c = prepare(t, (config) => (config.process.args = ["probe", "fds"]));
    addProbe(c);
    const { status, stdout } = c.run(["--preserve-fds", "3"]);
    if (kind === "tsrun") t.equal(status, 1);
    t.notMatch(stdout, /0 1 2 \d/, "nothing of the runtime's own leaks in its place");
  },
);

t.test("LISTEN_FDS for this very process are passed with LISTEN_PID=1", async (t) => {
  const c = prepare(t, (config) => (config.process.args = shell("cat <&3; env | grep LISTEN")));
  writeFileSync(join(c.bundle, "three"), "three\n");
  const extraFds = [openSync(join(c.bundle, "three"), "r")];
  const command = `LISTEN_PID=$$ LISTEN_FDS=1 exec ${runtime} --root ${c.root} run --bundle ${c.bundle} ${c.id}`;
  const { status, stdout } = execute("/bin/sh", ["-c", command], { extraFds });
  t.equal(status, 0);
  t.match(stdout, /^three\n/);
  t.match(stdout, /^LISTEN_FDS=1$/m);
  t.match(stdout, /^LISTEN_PID=1$/m);
});

t.test("LISTEN_FDS for another process are not", async (t) => {
  if (kind === "crun") return t.pass("crun ignores LISTEN_PID");
  const c = prepare(t, (config) => (config.process.args = shell("probe fds; env")));
  addProbe(c);
  const extraFds = [openSync("/dev/null", "r")];
  const env = { PATH: "/usr/bin:/bin:/usr/sbin", LISTEN_PID: "1", LISTEN_FDS: "1" };
  const { stdout } = c.run([], { extraFds, env });
  t.match(stdout, /^0 1 2 \n/);
  t.notMatch(stdout, "LISTEN");
});
