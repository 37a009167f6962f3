import { chmodSync, existsSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import type { Config } from "./support/container.ts";
import { shell } from "./support/container.ts";
import { type Running, runContainer } from "./support/exec.ts";
import { begin } from "./support/parallel.ts";
import { isAlive } from "./support/process.ts";
import { notWith, runcBefore, scratch } from "./support/runtime.ts";
import { until } from "./support/wait.ts";

chmodSync(scratch, 0o711); // the root of a user namespace has to get through

/** The namespaces of a process, from outside. */
function namespacesOf(pid: number): string[] {
  const types = ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"];
  return types.map((type) => readlinkSync(`/proc/${pid}/ns/${type}`));
}

/** The namespaces of a process that exec starts. */
function namespacesOfExec(c: Running): string[] {
  const pidFile = join(c.bundle, "exec.pid");
  const output = { stdout: join(c.bundle, "eo"), stderr: join(c.bundle, "ee") };
  const { status } = c.exec(["sleep", "1000"], ["--detach", "--pid-file", pidFile], { output });
  if (status !== 0) throw new Error(`exec: ${readFileSync(output.stderr, "utf8")}`);
  return namespacesOf(Number(readFileSync(pidFile, "utf8")));
}

const mapped = (config: Config): void => {
  const maps = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
  config.linux.namespaces.push({ type: "user" });
  Object.assign(config.linux, { uidMappings: maps, gidMappings: maps });
};

t.test("all namespaces that the container has of its own", async (t) => {
  const c = runContainer(t, (config) => config.linux.namespaces.push({ type: "cgroup" }));
  const init = namespacesOf(c.state().pid);
  t.strictSame(namespacesOfExec(c), init);
  t.equal(init.filter((name) => !namespacesOf(process.pid).includes(name)).length, 6);
});

t.test("a user namespace: ids are those inside, root has rights there only", async (t) => {
  const c = runContainer(t, (config) => {
    mapped(config);
    config.process.user = { uid: 5, gid: 6 };
  });
  t.strictSame(namespacesOfExec(c), namespacesOf(c.state().pid));
  t.equal(c.exec(shell("id -u; id -g")).stdout, "5\n6\n");
  t.equal(c.exec(shell("id -u; id -g"), ["--user", "0:0"]).stdout, "0\n0\n");
  t.match(c.exec(["cat", "/proc/self/uid_map"]).stdout, /^\s+0\s+100000\s+65536\n$/);
  const { status, stderr } = c.exec(["true"], ["--user", "70000"]);
  t.not(status, 0);
  t.not(stderr, "", "an id that is not mapped");
});

t.test("output reaches the caller's files from a user namespace", async (t) => {
  const c = runContainer(t, mapped);
  t.match(c.exec(shell("echo out > /dev/stdout; echo err > /dev/stderr")), {
    status: 0,
    stdout: "out\n",
    stderr: "err\n",
  });
});

t.test("a time namespace", { skip: runcBefore("1.2", "knows no time namespace") }, async (t) => {
  const c = runContainer(t, (config) => {
    config.linux.namespaces.push({ type: "time" });
    config.linux.timeOffsets = { boottime: { secs: 1_000_000 } };
  });
  const outside = Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);
  const inside = Number(c.exec(["cat", "/proc/uptime"]).stdout.split(" ")[0]);
  t.ok(inside > outside + 900_000, "it has the container's clock");
  t.strictSame(namespacesOfExec(c), namespacesOf(c.state().pid));
});

t.test("namespaces that the container has joined", async (t) => {
  const first = runContainer(t);
  const { pid } = first.state();
  const c = runContainer(t, (config) => {
    config.linux.namespaces = [
      { type: "mount" },
      ...(["pid", "network", "ipc", "uts"] as const).map((type) => ({
        type,
        path: `/proc/${pid}/ns/${type === "network" ? "net" : type}`,
      })),
    ];
    Reflect.deleteProperty(config, "hostname");
  });
  t.strictSame(namespacesOfExec(c), namespacesOf(c.state().pid));
  t.match(c.exec(["ps"]).stdout, /sleep 1000[^]*sleep 1000/, "it sees the other's processes");
});

t.test("a container without a pid namespace of its own", async (t) => {
  const c = runContainer(t, (config) => {
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "pid");
  });
  t.strictSame(namespacesOfExec(c), namespacesOf(c.state().pid));
  t.equal(c.exec(shell("exit 3")).status, 3);
  t.equal(c.exec(shell("kill -KILL $$")).status, 137);
});

t.test(
  "a container without a mount namespace of its own: exec stays below its root",
  {
    skip:
      notWith("runc", "refuses such a container") ||
      notWith("crun", "refuses it") ||
      (process.env.TSRUN_LAB_INSIDE !== undefined && "device nodes do not work on the lab's /tmp"),
  },
  async (t) => {
    const c = runContainer(t, (config) => {
      config.linux.namespaces = [{ type: "pid" }, { type: "uts" }];
      config.mounts = [];
      config.linux.maskedPaths = [];
      config.linux.readonlyPaths = [];
    });
    t.match(c.exec(["ls", "/"]).stdout, /^bin\n/);
    t.equal(c.exec(["ls", "/bundle"]).status, 1);
  },
);

t.test("a process of a detached exec ends with its container", async (t) => {
  const c = runContainer(t);
  namespacesOfExec(c);
  const pid = Number(readFileSync(join(c.bundle, "exec.pid"), "utf8"));
  t.equal(c.delete("--force").status, 0);
  t.ok(until(() => !isAlive(pid)));
});

t.test("a foreground exec ends when its container does", async (t) => {
  const c = runContainer(t);
  const pidFile = join(c.bundle, "exec.pid");
  const words = ["exec", "--pid-file", pidFile, c.id, "sleep", "1000"];
  const running = begin(["--root", c.root, ...words]);
  t.ok(until(() => existsSync(pidFile)));
  t.equal(c.kill("KILL").status, 0);
  t.equal((await running.result).status, 137);
});
