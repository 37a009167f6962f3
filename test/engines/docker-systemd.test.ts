import { existsSync, readFileSync } from "node:fs";
import t from "tap";
import { execute } from "../integration/support/runtime.ts";
import { until } from "../integration/support/wait.ts";
import { begin } from "./support/begin.ts";
import { hungry, leftStates, startDocker } from "./support/docker.ts";
import { imageName } from "./support/image.ts";

begin(t, { dockerd: ["--version"], docker: ["--version"], systemctl: ["--version"] });
const engine = startDocker(t, { config: { "exec-opts": ["native.cgroupdriver=systemd"] } });
const { docker, run, inspect } = engine;
const limits = ["--memory", "64m", "--memory-swap", "64m", "--pids-limit", "50", "--cpus", "0.5"];
const id = engine.begin("one", limits);
const scope = `docker-${id}.scope`;

t.test("a container is a scope of systemd's, which knows its limits", async (t) => {
  t.equal(docker(["info", "--format", "{{.CgroupDriver}}"]).stdout, "systemd\n");
  const cgroup = readFileSync(`/proc/${inspect("one", "{{.State.Pid}}")}/cgroup`, "utf8");
  t.equal(cgroup, `0::/system.slice/${scope}\n`);
  const wanted = {
    ActiveState: "active",
    MemoryMax: "67108864",
    TasksMax: "50",
    CPUQuotaPerSecUSec: "500ms",
  };
  t.match(shown(), { ...wanted, Description: new RegExp(id) });
});

t.test("exec, stats, pause and unpause work in the scope", async (t) => {
  t.equal(docker(["exec", "one", "cat", "/proc/self/cgroup"]).stdout, "0::/\n");
  t.match(docker(["stats", "--no-stream", "--format", "{{.MemUsage}}", "one"]).stdout, /\/ 64MiB/);
  t.equal(docker(["pause", "one"]).status, 0);
  t.equal(readFileSync(`/sys/fs/cgroup/system.slice/${scope}/cgroup.freeze`, "utf8"), "1\n");
  t.equal(docker(["unpause", "one"]).status, 0);
});

t.test("docker update changes the unit and the cgroup", async (t) => {
  const { status, stderr } = docker([
    "update",
    "--pids-limit",
    "33",
    "--memory",
    "48m",
    "--memory-swap",
    "48m",
    "one",
  ]);
  t.equal(status, 0, stderr);
  t.match(shown(), { MemoryMax: "50331648", TasksMax: "33" });
  t.equal(docker(["exec", "one", "cat", "/sys/fs/cgroup/pids.max"]).stdout, "33\n");
});

t.test("a process that needs more than its memory is killed, and Docker says why", async (t) => {
  engine.begin("hungry", ["--memory", "16m"], hungry);
  t.equal(docker(["wait", "hungry"]).status, 0);
  t.equal(inspect("hungry", "{{.State.OOMKilled}}"), "true");
});

t.test("--cgroup-parent names a slice", async (t) => {
  const flags = ["--cgroup-parent", "lab-test.slice", "--cgroupns", "host"];
  const { stdout } = run([...flags, imageName, "cat", "/proc/self/cgroup"]);
  t.match(stdout, /^0::\/lab\.slice\/lab-test\.slice\/docker-[0-9a-f]{64}\.scope\n$/);
});

t.test("a killed container leaves no scope and no state", async (t) => {
  t.equal(docker(["rm", "--force", "one", "hungry"]).status, 0);
  t.ok(until(() => !existsSync(`/sys/fs/cgroup/system.slice/${scope}`), 60_000));
  t.ok(until(() => shown().LoadState === "not-found", 60_000));
  t.same(leftStates(engine), []);
});

/** What systemd knows of the scope. */
function shown(): Record<string, string> {
  const names = "LoadState,ActiveState,Description,MemoryMax,TasksMax,CPUQuotaPerSecUSec";
  const { stdout } = execute("systemctl", ["show", scope, "--property", names]);
  return Object.fromEntries(
    stdout
      .trim()
      .split("\n")
      .map((line) => line.split("=") as [string, string]),
  );
}
