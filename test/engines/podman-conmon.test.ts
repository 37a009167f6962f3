import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { isAlive } from "../integration/support/process.ts";
import { kind, run, runtime, scratch } from "../integration/support/runtime.ts";
import { until } from "../integration/support/wait.ts";
import { begin } from "./support/begin.ts";
import { imageName } from "./support/image.ts";
import { preparePodman } from "./support/podman.ts";

begin(t, { podman: ["--version"], conmon: ["--version"] });
const { podman, inspect } = preparePodman({ cgroupManager: "cgroupfs" });
const log = join(scratch, "calls");
const record = `{ echo "$*"; echo "with" $(tr "\\0" "\\n" < /proc/$$/environ | cut -d= -f1); } >> ${log}`;
/** Each call and the variables it has. */
const expectedCalls = [
  /^--log-format=json --log \S+\/oci-log create --bundle \S+ --pid-file \S+\/pidfile ID$/,
  /_OCI_SYNCPIPE/,
  "start ID",
  /^with (PATH XDG_RUNTIME_DIR|XDG_RUNTIME_DIR PATH)$/,
  /^--log-format=json --log \S+\/oci-log exec --pid-file \S+ --process \S+ --detach ID$/,
  /_OCI_SYNCPIPE/,
  "pause ID",
  "with XDG_RUNTIME_DIR",
  "resume ID",
  "with XDG_RUNTIME_DIR",
  "kill ID 9",
  "with XDG_RUNTIME_DIR",
  "delete --force ID",
  "with XDG_RUNTIME_DIR",
];

t.test("conmon dies by KILL: podman rm --force removes the container all the same", async (t) => {
  const orphan = orphaned(t, "orphan");
  t.match(podman(["rm", "--force", "--time", "0", "orphan"]), { status: 0 });
  assertGone(t, orphan);
});

t.test("conmon dies by KILL: so does delete --force of the runtime", async (t) => {
  const orphan = orphaned(t, "other");
  t.match(run(["delete", "--force", orphan.id]), { status: 0, stdout: "", stderr: "" });
  assertGone(t, orphan);
  t.match(podman(["rm", "--force", "--time", "0", "other"]), { status: 0 });
});

t.test("conmon and podman call the runtime with these words and variables", async (t) => {
  const recorder = join(scratch, kind);
  writeFileSync(recorder, `#!/bin/sh\n${record}\nexec ${runtime} "$@"\n`, { mode: 0o755 });
  const call = (...words: string[]) => podman(["--runtime", recorder, ...words]);
  t.match(call("run", "--detach", "--name", "seen", imageName, "sleep", "1000"), { status: 0 });
  const id = inspect("seen", "{{.ID}}");
  t.match(call("exec", "seen", "true"), { status: 0 });
  t.match(call("pause", "seen"), { status: 0 });
  t.match(call("unpause", "seen"), { status: 0 });
  t.match(call("rm", "--force", "--time", "0", "seen"), { status: 0 });
  const calls = readFileSync(log, "utf8").replaceAll(id, "ID");
  t.matchOnly(calls.trimEnd().split("\n"), expectedCalls);
});

type Orphan = { readonly id: string; readonly pid: number; readonly cgroup: string };

/** A container whose conmon was killed; it runs on. */
function orphaned(t: Test, name: string): Orphan {
  const words = ["run", "--detach", "--name", name, imageName, "sleep", "1000"];
  t.match(podman(words), { status: 0 });
  const shown = inspect(name, "{{.ID}} {{.State.Pid}} {{.State.ConmonPid}} {{.State.CgroupPath}}");
  const [id, pid, conmon, path] = shown.split(" ") as [string, string, string, string];
  const orphan = { id, pid: Number(pid), cgroup: join("/sys/fs/cgroup", path) };
  process.kill(Number(conmon), "SIGKILL");
  t.ok(until(() => !isAlive(Number(conmon))));
  t.ok(isAlive(orphan.pid));
  t.ok(existsSync(orphan.cgroup));
  return orphan;
}

function assertGone(t: Test, { pid, id, cgroup }: Orphan): void {
  t.ok(until(() => !isAlive(pid)));
  t.notOk(existsSync(cgroup));
  t.match(run(["state", id]), { status: 1, stderr: /does not exist/ });
}
