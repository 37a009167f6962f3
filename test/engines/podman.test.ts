import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { onTerminal } from "../integration/support/console.ts";
import { execute, run, scratch } from "../integration/support/runtime.ts";
import { until } from "../integration/support/wait.ts";
import { begin } from "./support/begin.ts";
import { imageName } from "./support/image.ts";
import { preparePodman } from "./support/podman.ts";

begin(t, { podman: ["--version"], conmon: ["--version"] });
addUserWithIds();
const { podman, inspect, statusOf, words } = preparePodman({ cgroupManager: "cgroupfs" });
/** Says what signal comes, ends by TERM with status 7. */
const listener = "trap 'echo USR1' USR1; trap 'exit 7' TERM; echo up; while :; do sleep 0.1; done";
const noMkdir = {
  defaultAction: "SCMP_ACT_ALLOW",
  syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 38 }],
};
/** Commands, and what they say in a container with the options below. */
const report: Readonly<Record<string, string>> = {
  "cat /sys/fs/cgroup/memory.max": "67108864",
  "cat /sys/fs/cgroup/cpu.max": "50000 100000",
  "cat /sys/fs/cgroup/pids.max": "50",
  "touch /new": "touch: /new: Read-only file system",
  "touch /small/new": "",
  "grep -o 'size=1024k' /proc/mounts": "size=1024k",
  "grep CapBnd /proc/self/status": "CapBnd:\t0000000000002000",
  "ulimit -n; ulimit -Hn": "100\n200",
  "mkdir /small/dir": "mkdir: can't create directory '/small/dir': Function not implemented",
  ": < /dev/loops": "",
  "(true > /dev/loops) 2> /dev/null || echo no": "no",
  "cat /proc/1/comm": "podman-init",
  "hostname; cat /proc/sys/kernel/msgmax; umask": "here\n1000\n0027",
  "id -u; id -G": "0\n33 44",
  "cat /proc/self/oom_score_adj": "100",
  "echo $A; pwd": "b\n/tmp",
  "head -c 1 /profile; echo": "{",
};

const optionsOfRun = (profile: string) =>
  `--rm --memory=64m --cpus=0.5 --pids-limit=50 --read-only --read-only-tmpfs=false
  --tmpfs=/small:size=1m,mode=1777 --cap-drop=all --cap-add=net_raw --ulimit=nofile=100:200
  --security-opt=seccomp=${profile} --device=/dev/loop-control:/dev/loops:r --init --hostname=here
  --sysctl=kernel.msgmax=1000 --umask=0027 --user=0:33 --group-add=44 --oom-score-adj=100
  --env=A=b --workdir=/tmp --volume=${profile}:/profile:ro`;

t.test("a container runs, its output and exit status come back, nothing stays", async (t) => {
  const words = ["run", "--rm", imageName, "sh", "-c", "echo out; echo err >&2; exit 42"];
  t.match(podman(words), { status: 42, stdout: "out\n", stderr: "err\n" });
  t.equal(podman(["ps", "--all", "--quiet"]).stdout, "");
  t.equal(run(["list", "--quiet"]).stdout, "");
});

t.test(
  "what cannot be run has podman's exit status for it and the runtime's message",
  async (t) => {
    const started = (...command: string[]) => podman(["run", "--rm", imageName, ...command]);
    t.match(started("nosuch"), { status: 127, stderr: /nosuch.*not found/ });
    t.match(started("/nosuch"), { status: 127, stderr: /\/nosuch.*no such file/i });
    t.match(started("/etc/passwd"), { status: 126, stderr: /permission denied/i });
    t.match(podman(["run", "--rm", "--nosuch", imageName]), { status: 125 });
    const late = podman(["run", "--rm", "--entrypoint", "/etc", imageName]);
    t.match(late, { status: 126, stderr: /is a directory|permission denied/i });
    t.equal(run(["list", "--quiet"]).stdout, "");
  },
);

t.test("options of run reach the container", async (t) => {
  writeFileSync(join(scratch, "seccomp.json"), JSON.stringify(noMkdir));
  const script = `exec 2>&1; ${Object.keys(report).join("; ")}`;
  const flags = optionsOfRun(join(scratch, "seccomp.json")).split(/\s+/);
  const { status, stdout, stderr } = podman(["run", ...flags, imageName, "sh", "-c", script]);
  t.match({ status, stderr }, { status: 0, stderr: "" });
  const said = Object.values(report).filter((text) => text !== "");
  t.equal(stdout, `${said.join("\n")}\n`);
});

t.test("--userns: ids of a range of their own", async (t) => {
  const show = ["sh", "-c", "cat /proc/self/uid_map; touch /new; stat -c %u /new"];
  const auto = podman(["run", "--rm", "--userns=auto:size=1000", imageName, ...show]);
  t.match(auto, { status: 0, stdout: /^ +0 +200000 +1000\n0\n$/, stderr: "" });
  const mapped = ["--uidmap", "0:300000:1000", "--gidmap", "0:300000:1000"];
  const chosen = podman(["run", "--rm", ...mapped, imageName, ...show]);
  t.match(chosen, { status: 0, stdout: /^ +0 +300000 +1000\n0\n$/, stderr: "" });
});

t.test("-it: a terminal that has the caller's size, follows it, and takes keys", async (t) => {
  const script = "trap 'stty size' WINCH; stty size; read x; stty size; echo got $x; exit 3";
  const command = words("run", "--rm", "-it", imageName, "sh", "-c", script);
  const terminal = onTerminal(30, 90, command);
  t.match(await terminal.shows("30 90"), /30 90/);
  terminal.type("key\r");
  t.equal(await terminal.end, 3);
  t.match(terminal.output(), /got key/);
});

t.test("a container lives: exec, pause, stats, top, update, signals, stop, start", async (t) => {
  const limits = ["--memory", "64m", "--name", "lives"];
  t.match(podman(["run", "--detach", ...limits, imageName, "sh", "-c", listener]), { status: 0 });
  t.teardown(() => podman(["rm", "--force", "--time", "0", "lives"]));
  const exec = (...words: string[]) => podman(["exec", ...words]);

  await t.test("exec: output, status, user, directory, environment", async (t) => {
    const flags = ["--user", "1000:1000", "--workdir", "/tmp", "--env", "A=b c"];
    const script = "id -u; pwd; echo $A; cat /proc/1/cgroup /proc/self/cgroup; exit 9";
    const expected = "1000\n/tmp\nb c\n0::/\n0::/\n";
    t.match(exec(...flags, "lives", "sh", "-c", script), { status: 9, stdout: expected });
    t.match(exec("lives", "nosuch"), { status: 127, stderr: /nosuch.*not found/ });
    t.match(exec("lives", "/etc/passwd"), { status: 126, stderr: /permission denied/i });
  });
  await t.test("exec -it", async (t) => {
    const script = "tty; stty size; read x; exit 4";
    const command = words("exec", "-it", "lives", "sh", "-c", script);
    const terminal = onTerminal(30, 90, command);
    t.match(await terminal.shows("30 90"), /\/dev\/pts\/\d+\r\n30 90/);
    terminal.type("\r");
    t.equal(await terminal.end, 4);
  });
  await t.test("exec --detach, seen by top", async (t) => {
    t.match(exec("--detach", "lives", "sleep", "1234"), { status: 0, stderr: "" });
    const seen = () => podman(["top", "lives", "pid", "args"]).stdout;
    t.match(seen(), /^1 +sh -c trap/m);
    t.match(seen(), /sleep 1234/);
  });
  await t.test("pause and unpause", async (t) => {
    t.match(podman(["pause", "lives"]), { status: 0 });
    t.equal(inspect("lives", "{{.State.Status}}"), "paused");
    t.equal(statusOf("lives"), "paused");
    t.match(exec("lives", "true"), { status: 255, stderr: /running containers/ });
    t.match(podman(["unpause", "lives"]), { status: 0 });
    t.equal(statusOf("lives"), "running");
  });
  await t.test("stats, and update of what they are measured against", async (t) => {
    t.match(stats("lives"), [{ mem_usage: /\/ 67.11MB/, pids: /^\d+$/ }]);
    t.match(
      podman(["update", "--memory", "100m", "--cpus", "1.5", "--pids-limit", "77", "lives"]),
      {
        status: 0,
      },
    );
    const files = ["memory.max", "cpu.max", "pids.max"].map((name) => `/sys/fs/cgroup/${name}`);
    t.equal(exec("lives", "cat", ...files).stdout, "104857600\n150000 100000\n77\n");
    t.match(stats("lives"), [{ mem_usage: /\/ 104.9MB/ }]);
  });
  await t.test("checkpoint: what CRIU says arrives", async (t) => {
    const { status, stderr } = podman(["container", "checkpoint", "lives"]);
    t.equal(status, 125);
    t.match(stderr, /criu/i);
    t.equal(statusOf("lives"), "running");
  });
  await t.test("signals, logs, stop, start, kill, exit statuses", async (t) => {
    t.match(podman(["kill", "--signal", "USR1", "lives"]), { status: 0 });
    t.ok(until(() => podman(["logs", "lives"]).stdout === "up\nUSR1\n"));
    t.match(podman(["stop", "--time", "20", "lives"]), { status: 0, stderr: "" });
    t.equal(inspect("lives", "{{.State.Status}} {{.State.ExitCode}}"), "exited 7");
    t.match(podman(["start", "lives"]), { status: 0 });
    t.match(podman(["kill", "lives"]), { status: 0 });
    t.match(podman(["wait", "lives"]), { status: 0, stdout: "137\n" });
    t.match(podman(["rm", "lives"]), { status: 0 });
    t.equal(run(["list", "--quiet"]).stdout, "");
  });
});

t.test("--restart: a container that fails comes back, as often as was said", async (t) => {
  const flags = ["--detach", "--name", "again", "--restart", "on-failure:2"];
  t.match(podman(["run", ...flags, imageName, "false"]), { status: 0 });
  t.teardown(() => podman(["rm", "--force", "again"]));
  const shown = () => inspect("again", "{{.State.Status}} {{.RestartCount}} {{.State.ExitCode}}");
  t.ok(
    until(() => shown() === "exited 2 1", 60_000),
    shown(),
  );
});

t.test("healthcheck run: the command's result is the container's health", async (t) => {
  const flags = ["--name", "health", "--health-cmd", "test -e /tmp/well", "--health-retries", "1"];
  const command = ["sh", "-c", "touch /tmp/well; sleep 1000"];
  t.match(
    podman(["run", "--detach", "--health-interval=disable", ...flags, imageName, ...command]),
    {
      status: 0,
    },
  );
  t.teardown(() => podman(["rm", "--force", "--time", "0", "health"]));
  const check = () => podman(["healthcheck", "run", "health"]).status;
  t.ok(until(() => check() === 0));
  t.equal(podman(["exec", "health", "rm", "/tmp/well"]).status, 0);
  t.equal(check(), 1);
  t.equal(inspect("health", "{{.State.Health.Status}}"), "unhealthy");
});

/** --userns=auto takes its ids from those of a user that must be there. */
function addUserWithIds(): void {
  for (const file of ["/etc/subuid", "/etc/subgid"]) {
    appendFileSync(file, "containers:200000:100000\n");
  }
  const { status, stderr } = execute("useradd", ["--system", "containers"]);
  if (status !== 0) throw new Error(`useradd: ${stderr}`);
}

function stats(name: string): unknown {
  return JSON.parse(podman(["stats", "--no-stream", "--format", "json", name]).stdout);
}
