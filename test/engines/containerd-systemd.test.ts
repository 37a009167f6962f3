import { existsSync, readFileSync } from "node:fs";
import t from "tap";
import { isAlive } from "../integration/support/process.ts";
import { execute, runtime } from "../integration/support/runtime.ts";
import { until } from "../integration/support/wait.ts";
import { begin } from "./support/begin.ts";
import { parentOf } from "./support/containerd.ts";
import { startCri } from "./support/cri.ts";
import { livePodLife } from "./support/pod.ts";

begin(t, { containerd: ["--version"], systemctl: ["--version"] });
const { cri, containerd } = startCri(t, { systemdCgroup: true });
const { ctr, detach, run, task } = containerd;

/** As nerdctl asks for it. */
const inScope = (id: string) => ["--runc-systemd-cgroup", "--cgroup", `system.slice:nerdctl:${id}`];
const scopeOf = (id: string) => `/sys/fs/cgroup/system.slice/nerdctl-${id}.scope`;

t.test("ctr: a container in a scope of systemd, from run to rm", async (t) => {
  const flags = [...inScope("web"), "--memory-limit", "67108864"];
  detach(t, "web", "trap 'exit 5' TERM; while :; do sleep 0.1; done", flags);
  t.equal(readFileSync(`${scopeOf("web")}/memory.max`, "utf8"), "67108864\n");
  t.match(ctr(["task", "exec", "--exec-id", "e", "web", "echo", "in"]), {
    status: 0,
    stdout: "in\n",
  });
  t.equal(ctr(["task", "pause", "web"]).status, 0);
  t.match(task("web"), { status: "PAUSED" });
  t.equal(ctr(["task", "resume", "web"]).status, 0);
  t.match(ctr(["task", "metrics", "web"]).stdout, /memory\.usage +[1-9]/);
  t.equal(ctr(["task", "kill", "-s", "SIGTERM", "web"]).status, 0);
  t.ok(until(() => task("web")?.status === "STOPPED"));
  t.match(ctr(["task", "delete", "web"]), { stderr: "exit code 5" });
  t.ok(
    until(() => !existsSync(scopeOf("web"))),
    "the scope is gone",
  );
});

t.test("ctr: an error leaves no scope", async (t) => {
  t.match(run(["--rm", ...inScope("wrong")], ["wrong", "nonexistent"]), {
    status: 1,
    stderr: 'exec: "nonexistent": executable file not found in $PATH',
  });
  t.ok(until(() => !existsSync(scopeOf("wrong"))));
});

t.test(
  "ctr: when the shim is killed, containerd or delete --force end container and scope",
  async (t) => {
    detach(t, "orphan", "sleep 1000", inScope("orphan"));
    const { pid } = task("orphan")!;
    process.kill(parentOf(pid), "SIGKILL");
    const gone = () => !isAlive(pid) && !existsSync(scopeOf("orphan"));
    // containerd gives its own clean-up five seconds
    if (!until(gone, 15_000)) {
      const words = ["--root", "/run/containerd/runc/default", "delete", "--force", "orphan"];
      t.match(execute(runtime, words), { status: 0, stderr: "" });
    }
    t.ok(until(gone));
  },
);

t.test("CRI: the life of a pod with SystemdCgroup", async (t) => {
  // as a kubelet names it
  const parent = "/kubepods.slice/kubepods-pod1.slice";
  await livePodLife(t, cri, { parent, cgroupOf: (id) => `${parent}/cri-containerd-${id}.scope` });
});
