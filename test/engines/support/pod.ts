import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Test } from "tap";
import { execute, runtime } from "../../integration/support/runtime.ts";
import { until } from "../../integration/support/wait.ts";
import { containerConfig, type Cri, handler, podConfig } from "./cri.ts";
import { streamExec } from "./stream.ts";

/** Where containerd has the runtime keep the state of pods. */
export const runtimeRoot = "/run/containerd/runc/k8s.io";

export type Pod = { readonly id: string; readonly config: ReturnType<typeof podConfig> };
type Status = { status: { state: string; exit_code: number; reason: string; message: string } };
type Exec = { stdout: Buffer; stderr: Buffer; exit_code: number };

/** Runs a pod's sandbox, and removes it when the test ends. */
export async function runPod(t: Test, cri: Cri, config: Pod["config"]): Promise<Pod> {
  const request = { config, runtime_handler: handler };
  const { pod_sandbox_id: id } = await cri<{ pod_sandbox_id: string }>("RunPodSandbox", request);
  t.teardown(() => removePod(cri, id));
  return { id, config };
}

/** Stops and removes it; both may be done again. */
export async function removePod(cri: Cri, id: string): Promise<void> {
  await cri("StopPodSandbox", { pod_sandbox_id: id });
  await cri("RemovePodSandbox", { pod_sandbox_id: id });
}

/** Creates a container in a pod; gives its id. */
export async function createContainer(
  cri: Cri,
  pod: Pod,
  config: ReturnType<typeof containerConfig>,
): Promise<string> {
  const request = { pod_sandbox_id: pod.id, config, sandbox_config: pod.config };
  return (await cri<{ container_id: string }>("CreateContainer", request)).container_id;
}

export async function statusOf(cri: Cri, id: string): Promise<Status["status"]> {
  return (await cri<Status>("ContainerStatus", { container_id: id })).status;
}

export async function execSync(cri: Cri, id: string, cmd: string[], timeout = 60) {
  const done = await cri<Exec>("ExecSync", { container_id: id, cmd, timeout });
  return { ...done, stdout: String(done.stdout), stderr: String(done.stderr) };
}

/** What a kubelet does with a pod's container from its start to its removal, in this cgroup parent. */
export async function livePodLife(
  t: Test,
  cri: Cri,
  { parent, cgroupOf }: { parent: string; cgroupOf: (id: string) => string },
): Promise<void> {
  const pod = await runPod(t, cri, podConfig("life", parent));
  const resources = {
    memory_limit_in_bytes: 64 << 20,
    cpu_quota: 50_000,
    cpu_period: 100_000,
    cpu_shares: 512,
  };
  const script = "echo started; trap 'exit 5' TERM; while :; do sleep 0.1; done";
  const id = await createContainer(cri, pod, containerConfig("main", script, { resources }));
  const file = (name: string) => readFileSync(`/sys/fs/cgroup${cgroupOf(id)}/${name}`, "utf8");

  await t.test("start: it runs under the runtime, with its limits and log", async (t) => {
    t.match(await statusOf(cri, id), { state: "CONTAINER_CREATED" });
    await cri("StartContainer", { container_id: id });
    t.match(await statusOf(cri, id), { state: "CONTAINER_RUNNING" });
    t.match(execute(runtime, ["--root", runtimeRoot, "state", id]).stdout, '"status": "running"');
    t.equal(file("memory.max"), `${64 << 20}\n`);
    t.equal(file("cpu.max"), "50000 100000\n");
    const log = join(pod.config.log_directory, "main.log");
    t.ok(until(() => readFileSync(log, "utf8").includes("stdout F started")));
  });

  await t.test("exec sync: output, exit status, and an end by its time limit", async (t) => {
    const words = ["sh", "-c", "echo out; echo err >&2; exit 9"];
    t.match(await execSync(cri, id, words), { stdout: "out\n", stderr: "err\n", exit_code: 9 });
    await t.rejects(execSync(cri, id, ["sleep", "100"], 1), /timeout.*exceeded|deadline/i);
  });

  await t.test("exec as a stream with a terminal", async (t) => {
    const cmd = [
      "sh",
      "-c",
      "tty; until stty size 2>&1 | grep '33 77'; do sleep 0.1; done; read line; echo got $line; exit 4",
    ];
    const request = { container_id: id, cmd, tty: true, stdin: true, stdout: true };
    const { url } = await cri<{ url: string }>("Exec", request);
    const size = { Width: 77, Height: 33 };
    const { output, status } = await streamExec(url, { size, when: /33 77/, input: "hello\n" });
    t.match(output, /\/dev\/pts\/\d+[^]*33 77[^]*got hello/);
    t.match(status, /exit code 4|"message":"4"/);
  });

  await t.test("stats", async (t) => {
    const { stats } = await cri<{ stats: ContainerStats }>("ContainerStats", { container_id: id });
    t.ok(stats.cpu.usage_core_nano_seconds.value > 0);
    t.ok(stats.memory.working_set_bytes.value > 0);
    const pods = await cri<object>("ListPodSandboxStats", { filter: { id: pod.id } });
    t.match(pods, { stats: [{ attributes: { id: pod.id } }] });
  });

  await t.test("update of resources", async (t) => {
    const linux = { ...resources, memory_limit_in_bytes: 128 << 20, cpu_quota: 75_000 };
    await cri("UpdateContainerResources", { container_id: id, linux });
    t.equal(file("memory.max"), `${128 << 20}\n`);
    t.equal(file("cpu.max"), "75000 100000\n");
  });

  await t.test("stop with the container's own exit status, and removal", async (t) => {
    await cri("StopContainer", { container_id: id, timeout: 60 });
    t.match(await statusOf(cri, id), { state: "CONTAINER_EXITED", exit_code: 5 });
    await cri("RemoveContainer", { container_id: id });
    t.not(execute(runtime, ["--root", runtimeRoot, "state", id]).status, 0);
    await removePod(cri, pod.id);
    t.not(execute(runtime, ["--root", runtimeRoot, "state", pod.id]).status, 0);
  });
}

type ContainerStats = {
  cpu: { usage_core_nano_seconds: { value: number } };
  memory: { working_set_bytes: { value: number } };
};
