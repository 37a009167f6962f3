import { mkdtempSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import type { Config } from "./support/bundle.ts";
import { kind, run, scratch } from "./support/runtime.ts";

const fresh = () => mkdtempSync(join(scratch, "spec-"));
const read = (directory: string) => readFileSync(join(directory, "config.json"), "utf8");
const skip = kind === "crun" ? "crun writes another config" : false;

t.test("spec writes config.json in the current directory and prints nothing", async (t) => {
  const directory = fresh();
  t.match(run(["spec"], { cwd: directory }), { status: 0, stdout: "", stderr: "" });
  const config = JSON.parse(read(directory)) as Config;
  t.match(config, {
    root: { path: "rootfs", readonly: true },
    process: { terminal: true, args: ["sh"], cwd: "/", noNewPrivileges: true },
  });
});

t.test("the file is indented by tabs and has runc's keys in runc's order", { skip }, async (t) => {
  const directory = fresh();
  run(["spec"], { cwd: directory });
  const text = read(directory);
  t.match(text, /^\{\n\t"ociVersion": "/);
  t.notMatch(text, /\n$/);
  const config = JSON.parse(text) as Config;
  t.strictSame(Object.keys(config), [
    "ociVersion",
    "process",
    "root",
    "hostname",
    "mounts",
    "linux",
  ]);
  t.match(config.hostname, /^(runc|tsrun)$/);
  t.strictSame(
    config.mounts.map(({ destination }) => destination),
    ["/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys", "/sys/fs/cgroup"],
  );
  t.strictSame(config.process.capabilities?.bounding, [
    "CAP_AUDIT_WRITE",
    "CAP_KILL",
    "CAP_NET_BIND_SERVICE",
  ]);
  t.strictSame(config.process.rlimits, [{ type: "RLIMIT_NOFILE", hard: 1024, soft: 1024 }]);
  t.strictSame(config.linux.resources, { devices: [{ allow: false, access: "rwm" }] });
});

t.test("--bundle writes it elsewhere", async (t) => {
  const directory = fresh();
  t.match(run(["spec", "--bundle", directory], { cwd: "/" }), { status: 0, stdout: "" });
  t.ok(JSON.parse(read(directory)));
});

t.test("the mode follows the umask", async (t) => {
  const directory = fresh();
  run(["spec"], { cwd: directory });
  t.equal(statSync(join(directory, "config.json")).mode & 0o777, 0o666 & ~process.umask());
});

t.test("an existing file is not overwritten", async (t) => {
  const directory = fresh();
  writeFileSync(join(directory, "config.json"), "mine");
  const { status, stderr } = run(["spec"], { cwd: directory });
  t.equal(status, 1);
  if (kind !== "crun") t.match(stderr, "File config.json exists. Remove it first");
  t.equal(read(directory), "mine");
});

t.test("--rootless maps the caller and leaves out what needs root", async (t) => {
  const directory = fresh();
  t.match(run(["spec", "--rootless"], { cwd: directory }), { status: 0, stdout: "" });
  const { linux, mounts } = JSON.parse(read(directory)) as Config;
  t.match(linux.uidMappings, [{ containerID: 0, hostID: 0, size: 1 }]);
  t.match(linux.gidMappings, [{ containerID: 0, hostID: 0, size: 1 }]);
  const types = linux.namespaces.map(({ type }) => type);
  t.ok(types.includes("user"));
  t.notOk(types.includes("network"));
  if (kind === "crun") return;
  t.equal(linux.resources, undefined);
  const sys = mounts.find(({ destination }) => destination === "/sys");
  t.match(sys, { type: "none", source: "/sys" });
});
