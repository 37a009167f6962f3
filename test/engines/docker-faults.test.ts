import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import t, { type Test } from "tap";
import { isAlive } from "../integration/support/process.ts";
import { execute } from "../integration/support/runtime.ts";
import { until } from "../integration/support/wait.ts";
import { begin } from "./support/begin.ts";
import { leftCgroups, leftStates, startDocker, startDaemons } from "./support/docker.ts";
import { imageName } from "./support/image.ts";

begin(t, { dockerd: ["--version"], docker: ["--version"], containerd: ["--version"] });
const options = { config: { "live-restore": true } };
const engine = startDocker(t, options);
const { docker, run, inspect, becomes, runtimeRoot } = engine;

t.test("a shim that is killed takes its container along, which can be started again", async (t) => {
  const id = engine.begin("orphan", []);
  const pid = Number(inspect("orphan", "{{.State.Pid}}"));
  process.kill(parentOf(pid), "SIGKILL");
  t.ok(becomes("orphan", "{{.State.Status}}", "exited"));
  t.ok(until(() => !isAlive(pid), 60_000));
  t.ok(until(() => leftStates(engine).length === 0, 60_000));
  t.ok(until(() => !existsSync(`/sys/fs/cgroup/docker/${id}`), 60_000));
  t.equal(docker(["start", "orphan"]).status, 0);
  t.equal(docker(["exec", "orphan", "echo", "again"]).stdout, "again\n");
  t.equal(docker(["rm", "--force", "orphan"]).status, 0);
});

t.test("an id that is in use is the message, and it starts when the id is free", async (t) => {
  const create = ["create", "--name", "twice", "--network", "none", imageName, "echo", "ran"];
  const id = docker(create).stdout.trim();
  mkdirSync(join(runtimeRoot, id));
  t.match(docker(["start", "twice"]), {
    status: 1,
    stderr: /container with given ID already exists/,
  });
  t.ok(
    until(() => leftStates(engine).length === 0, 60_000),
    "delete --force removed it",
  );
  t.match(docker(["start", "--attach", "twice"]), { status: 0, stdout: "ran\n" });
  t.equal(docker(["rm", "twice"]).status, 0);
});

t.test("a full disk below the runtime's root is the message, and nothing stays", async (t) => {
  failsOn(t, "size=4k,nr_inodes=16", /OCI runtime create failed: .*no space left on device/);
});

t.test("a read-only root of the runtime is the message, and nothing stays", async (t) => {
  failsOn(t, "ro", /OCI runtime create failed: .*read-only file system/);
});

t.test("a container outlives dockerd and containerd, and obeys the next ones", async (t) => {
  engine.begin(
    "survivor",
    [],
    ["sh", "-c", "trap 'exit 3' TERM; echo begins; while :; do sleep 1; done"],
  );
  const pid = inspect("survivor", "{{.State.Pid}}");
  for (const daemon of engine.daemons) process.kill(daemon.pid, "SIGKILL");
  // the event loop has to see that they ended
  while (engine.daemons.some((daemon) => existsSync(`/proc/${daemon.pid}`))) await setTimeout(10);
  t.ok(isAlive(Number(pid)));
  startDaemons(t, options);
  t.equal(inspect("survivor", "{{.State.Pid}} {{.State.Status}}"), `${pid} running`);
  t.equal(docker(["exec", "survivor", "echo", "here"]).stdout, "here\n");
  t.equal(docker(["stop", "--time", "60", "survivor"]).status, 0);
  t.equal(inspect("survivor", "{{.State.ExitCode}}"), "3");
  t.equal(docker(["logs", "survivor"]).stdout, "begins\n");
});

function failsOn(t: Test, mountOptions: string, message: RegExp): void {
  const mounted = execute("mount", ["-t", "tmpfs", "-o", mountOptions, "tmpfs", runtimeRoot]);
  t.equal(mounted.status, 0, mounted.stderr);
  t.match(run([imageName, "true"]), { status: 125, stderr: message });
  t.same(leftStates(engine), []);
  t.equal(execute("umount", [runtimeRoot]).status, 0);
  t.same(leftCgroups(), []);
  t.match(run([imageName, "echo", "again"]), { status: 0, stdout: "again\n" });
}

function parentOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)!.split(" ")[1]);
}
