import { existsSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { onTerminal } from "../integration/support/console.ts";
import { isAlive } from "../integration/support/process.ts";
import { kind } from "../integration/support/runtime.ts";
import { until } from "../integration/support/wait.ts";
import { addAccount, exposeRuntime } from "./support/account.ts";
import { begin } from "./support/begin.ts";
import { imageName } from "./support/image.ts";
import { preparePodman } from "./support/podman.ts";

begin(t, { podman: ["--version"], conmon: ["--version"] });
const account = addAccount("ann");
const runtimeAt = exposeRuntime();
const { podman, inspect, words } = preparePodman({ cgroupManager: "cgroupfs", account, runtimeAt });
const state = `/run/user/${account.uid}/${kind}`;

t.test("a container of a user runs; its root is the user", async (t) => {
  const script = "id -u; cat /proc/self/uid_map; exit 5";
  const { status, stdout } = podman(["run", "--rm", imageName, "sh", "-c", script]);
  t.equal(status, 5);
  t.match(stdout, new RegExp(`^0\n +0 +${account.uid} +1\n +1 +\\d+ +65536\n$`));
  t.strictSame(existsSync(state) ? readdirSync(state) : [], []);
});

t.test("--userns=keep-id: the user is the user in the container too", async (t) => {
  const flags = ["--rm", "--userns=keep-id", "--volume", `${account.home}:/shared`];
  const script = "id -u; touch /shared/new; stat -c %u /shared/new";
  const ran = podman(["run", ...flags, imageName, "sh", "-c", script]);
  t.match(ran, { status: 0, stdout: `${account.uid}\n${account.uid}\n`, stderr: "" });
  t.equal(statSync(join(account.home, "new")).uid, account.uid);
});

t.test(
  "what cannot be run has podman's exit status for it and the runtime's message",
  async (t) => {
    const started = (command: string) => podman(["run", "--rm", imageName, command]);
    t.match(started("nosuch"), { status: 127, stderr: /nosuch.*not found/ });
    t.match(started("/etc/passwd"), { status: 126, stderr: /permission denied/i });
  },
);

t.test("options that need no cgroup reach the container", async (t) => {
  const flags =
    "--rm --read-only --read-only-tmpfs=false --tmpfs=/small --cap-drop=all --hostname=here " +
    "--user=1000:1000 --init --ulimit=nofile=100:200 --security-opt=no-new-privileges";
  const script =
    "touch /new 2>&1; grep CapBnd /proc/self/status; hostname; id -u; cat /proc/1/comm; ulimit -n";
  const { status, stdout } = podman(["run", ...flags.split(" "), imageName, "sh", "-c", script]);
  t.equal(status, 0);
  const bounding = "CapBnd:\t0000000000000000";
  t.equal(
    stdout,
    `touch: /new: Read-only file system\n${bounding}\nhere\n1000\npodman-init\n100\n`,
  );
});

t.test("-it: a terminal", async (t) => {
  const script = "stty size; read x; echo got $x; exit 3";
  const terminal = onTerminal(30, 90, words("run", "--rm", "-it", imageName, "sh", "-c", script));
  t.match(await terminal.shows("30 90"), /30 90/);
  terminal.type("key\r");
  t.equal(await terminal.end, 3);
  t.match(terminal.output(), /got key/);
});

t.test("a container lives: exec, top, kill, logs, stop", async (t) => {
  const script = "trap 'echo USR1' USR1; trap 'exit 7' TERM; echo up; while :; do sleep 0.1; done";
  t.match(podman(["run", "--detach", "--name", "lives", imageName, "sh", "-c", script]), {
    status: 0,
  });
  t.teardown(() => podman(["rm", "--force", "--time", "0", "lives"]));
  t.match(podman(["exec", "--user", "1000", "lives", "sh", "-c", "id -u; exit 9"]), {
    status: 9,
    stdout: "1000\n",
  });
  t.match(podman(["exec", "lives", "nosuch"]), { status: 127, stderr: /nosuch.*not found/ });
  t.match(podman(["top", "lives", "pid", "args"]).stdout, /^1 +sh -c trap/m);
  t.match(podman(["kill", "--signal", "USR1", "lives"]), { status: 0 });
  t.ok(until(() => podman(["logs", "lives"]).stdout === "up\nUSR1\n"));
  t.match(podman(["stop", "--time", "20", "lives"]), { status: 0 });
  t.equal(inspect("lives", "{{.State.Status}} {{.State.ExitCode}}"), "exited 7");
});

t.test("conmon dies by KILL: podman rm --force removes the container all the same", async (t) => {
  t.match(podman(["run", "--detach", "--name", "orphan", imageName, "sleep", "1000"]), {
    status: 0,
  });
  const shown = inspect("orphan", "{{.State.Pid}} {{.State.ConmonPid}}").split(" ").map(Number);
  const [pid, conmon] = shown as [number, number];
  process.kill(conmon, "SIGKILL");
  t.ok(until(() => !isAlive(conmon)));
  t.ok(isAlive(pid));
  t.match(podman(["rm", "--force", "--time", "0", "orphan"]), { status: 0 });
  t.ok(until(() => !isAlive(pid)));
  t.strictSame(readdirSync(state), []);
});

t.test("build: RUN in a container of the runtime", async (t) => {
  const file = join(account.home, "Containerfile");
  writeFileSync(file, `FROM ${imageName}\nRUN id -u > /out\nCMD ["cat", "/out"]\n`);
  const built = podman(["build", "--quiet", "--tag", "built", "--file", file, account.home]);
  t.equal(built.status, 0, built.stderr);
  t.match(podman(["run", "--rm", "built"]), { status: 0, stdout: "0\n" });
});
