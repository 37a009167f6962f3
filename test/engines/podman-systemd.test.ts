import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import t from "tap";
import { isAlive } from "../integration/support/process.ts";
import { execute, run } from "../integration/support/runtime.ts";
import { until } from "../integration/support/wait.ts";
import { begin } from "./support/begin.ts";
import { imageName } from "./support/image.ts";
import { preparePodman } from "./support/podman.ts";

begin(t, { podman: ["--version"], conmon: ["--version"], systemctl: ["--version"] });
const { podman, inspect, statusOf } = preparePodman({ cgroupManager: "systemd" });
const systemctl = (...words: string[]) => execute("systemctl", words, { timeout: 120_000 });
const quadlet = `[Container]
ContainerName=well
Image=${imageName}
Pull=never
Network=none
Memory=64m
Exec=sh -c "echo up; trap 'exit 0' TERM; while :; do sleep 0.1; done"
[Service]
TimeoutStopSec=90
`;

t.test("a container is a scope with its limits; no later call needs the driver", async (t) => {
  const limits = ["--memory", "64m", "--pids-limit", "50", "--cpus", "0.5"];
  const command = [imageName, "sleep", "1000"];
  t.match(podman(["run", "--detach", "--name", "one", ...limits, ...command]), { status: 0 });
  t.teardown(() => podman(["rm", "--force", "--time", "0", "one"]));
  const scope = `libpod-${inspect("one", "{{.ID}}")}.scope`;
  const place = `/sys/fs/cgroup/machine.slice/${scope}`;
  t.match(propertiesOf(scope), {
    ActiveState: "active",
    MemoryMax: "67108864",
    TasksMax: "50",
    CPUQuotaPerSecUSec: "500ms",
    Slice: "machine.slice",
  });
  t.match(podman(["exec", "one", "cat", "/proc/self/cgroup"]), { status: 0, stdout: /^0::\// });
  t.match(podman(["update", "--memory", "100m", "one"]), { status: 0 });
  t.equal(propertiesOf(scope)["MemoryMax"], "104857600");
  t.match(podman(["pause", "one"]), { status: 0 });
  t.equal(statusOf("one"), "paused");
  t.match(podman(["unpause", "one"]), { status: 0 });
  t.match(podman(["rm", "--force", "--time", "0", "one"]), { status: 0 });
  t.notOk(existsSync(place));
  t.equal(propertiesOf(scope)["LoadState"], "not-found");
  t.equal(run(["list", "--quiet"]).stdout, "");
});

t.test("--systemd: the container can be an init: mounts, cgroup, stop signal", async (t) => {
  const script =
    "mkdir /sys/fs/cgroup/own && touch /run/new /tmp/new && echo $container; " +
    "trap 'exit 8' 37; echo up; while :; do sleep 0.1; done";
  const flags = ["--detach", "--name", "init", "--systemd=always", "--read-only"];
  t.match(podman(["run", ...flags, imageName, "sh", "-c", script]), { status: 0 });
  t.teardown(() => podman(["rm", "--force", "--time", "0", "init"]));
  t.ok(until(() => podman(["logs", "init"]).stdout.endsWith("up\n")));
  t.equal(podman(["logs", "init"]).stdout, "podman\nup\n");
  t.match(podman(["stop", "--time", "20", "init"]), { status: 0, stderr: "" });
  t.equal(inspect("init", "{{.State.ExitCode}} {{.Config.StopSignal}}"), "8 SIGRTMIN+3");
});

t.test("a quadlet unit starts, restarts and stops its container", async (t) => {
  mkdirSync("/etc/containers/systemd", { recursive: true });
  writeFileSync("/etc/containers/systemd/well.container", quadlet);
  t.match(systemctl("daemon-reload"), { status: 0 });
  t.match(systemctl("start", "well"), { status: 0, stderr: "" });
  t.teardown(() => systemctl("stop", "well"));
  t.match(propertiesOf("well"), { ActiveState: "active", SubState: "running", Type: "notify" });
  const pid = Number(inspect("well", "{{.State.Pid}}"));
  t.match(readFileSync(`/proc/${pid}/cgroup`, "utf8"), /^0::\/system.slice\/well.service/);
  t.match(podman(["exec", "well", "cat", "/sys/fs/cgroup/memory.max"]), { stdout: "67108864\n" });
  t.match(systemctl("restart", "well"), { status: 0, stderr: "" });
  t.ok(until(() => !isAlive(pid)));
  t.match(propertiesOf("well"), { ActiveState: "active" });
  t.match(systemctl("stop", "well"), { status: 0, stderr: "" });
  t.match(propertiesOf("well"), { ActiveState: "inactive", Result: "success" });
  t.equal(run(["list", "--quiet"]).stdout, "");
});

t.test("healthcheck: a timer of systemd runs the command in the container", async (t) => {
  const health = "--health-cmd=test -e /tmp/well";
  const flags = [health, "--health-interval=1s", "--health-retries=1", "--health-timeout=60s"];
  const command = [imageName, "sh", "-c", "touch /tmp/well; sleep 1000"];
  t.match(podman(["run", "--detach", "--name", "health", ...flags, ...command]), { status: 0 });
  t.teardown(() => podman(["rm", "--force", "--time", "0", "health"]));
  const shown = () => inspect("health", "{{.State.Health.Status}}");
  t.ok(
    until(() => shown() === "healthy", 60_000),
    shown(),
  );
  t.match(podman(["exec", "health", "rm", "/tmp/well"]), { status: 0 });
  t.ok(
    until(() => shown() === "unhealthy", 60_000),
    shown(),
  );
});

function propertiesOf(unit: string): Record<string, string> {
  const lines = systemctl("show", unit).stdout.trim().split("\n");
  return Object.fromEntries(lines.map((line) => line.split(/=(.*)/, 2) as [string, string]));
}
