import t from "tap";
import { execute, runtime } from "../integration/support/runtime.ts";
import { begin } from "./support/begin.ts";
import { containerConfig, handler, podConfig, startCri } from "./support/cri.ts";
import {
  createContainer,
  execSync,
  livePodLife,
  runPod,
  runtimeRoot,
  statusOf,
} from "./support/pod.ts";

begin(t, { containerd: ["--version"] });
const { cri } = startCri(t, { systemdCgroup: false });
const parent = "/kubepods/pod1";

t.test("the handler is ready, with the features that the runtime tells", async (t) => {
  const status = await cri<Status>("Status");
  const ready = { type: "RuntimeReady", status: true };
  t.match(
    status.status.conditions.find(({ type }) => type === ready.type),
    ready,
  );
  t.match(
    status.runtime_handlers.find(({ name }) => name === handler),
    { features: { recursive_read_only_mounts: true, user_namespaces: true } },
  );
});

type Status = {
  status: { conditions: { type: string; status: boolean }[] };
  runtime_handlers: { name: string; features: object }[];
};

t.test("the life of a pod on cgroupfs", async (t) => {
  await livePodLife(t, cri, { parent, cgroupOf: (id) => `${parent}/${id}` });
});

t.test("a pod", async (t) => {
  const pod = await runPod(t, cri, podConfig("many", parent));
  const start = async (name: string, script: string, linux: object = {}) => {
    const id = await createContainer(cri, pod, containerConfig(name, script, linux));
    await cri("StartContainer", { container_id: id });
    return id;
  };

  await t.test("it has a network and shares its namespaces with its containers", async (t) => {
    const { status } = await cri<PodStatus>("PodSandboxStatus", { pod_sandbox_id: pod.id });
    t.match(status, { state: "SANDBOX_READY", network: { ip: /^10\.88\.0\.\d+$/ } });
    t.equal(status.runtime_handler, handler);
    const id = await start("net", "sleep 1000");
    t.match((await execSync(cri, id, ["ip", "addr"])).stdout, status.network.ip);
    t.equal((await execSync(cri, id, ["hostname"])).stdout, "many\n");
  });

  await t.test("a restricted security context", async (t) => {
    const id = await start("restricted", "sleep 1000", {
      security_context: {
        run_as_user: { value: 1000 },
        run_as_group: { value: 1000 },
        supplemental_groups: [2000],
        readonly_rootfs: true,
        no_new_privs: true,
        capabilities: { drop_capabilities: ["ALL"] },
        seccomp: { profile_type: "RuntimeDefault" },
        masked_paths: ["/proc/kcore", "/proc/keys"],
        readonly_paths: ["/proc/sys"],
      },
    });
    const script = "id; cat /proc/self/status; touch /x; wc -c < /proc/keys";
    const { stdout, stderr } = await execSync(cri, id, ["sh", "-c", script]);
    t.match(stdout, /uid=1000.* gid=1000.* groups=.*2000/);
    t.match(stdout, /CapEff:\t0{16}\nCapBnd:\t0{16}/);
    t.match(stdout, /NoNewPrivs:\t1\nSeccomp:\t2/);
    t.match(stdout, /\n0\n$/, "what is masked is empty");
    t.match(stderr, "Read-only file system");
  });

  await t.test("a command that is not there: the runtime's message arrives", async (t) => {
    const config = { ...containerConfig("wrong", ""), command: ["nonexistent"] };
    const id = await createContainer(cri, pod, config);
    const message = /exec: "nonexistent": executable file not found in \$PATH/;
    await t.rejects(cri("StartContainer", { container_id: id }), { message });
    t.match(await statusOf(cri, id), { state: "CONTAINER_EXITED", message });
    t.not(execute(runtime, ["--root", runtimeRoot, "state", id]).status, 0);
  });

  await t.test("a container that ignores SIGTERM is killed after its grace period", async (t) => {
    const id = await start("deaf", "trap '' TERM; while :; do sleep 0.1; done");
    await cri("StopContainer", { container_id: id, timeout: 1 });
    t.match(await statusOf(cri, id), { state: "CONTAINER_EXITED", exit_code: 137 });
  });
});

type PodStatus = { status: { state: string; runtime_handler: string; network: { ip: string } } };

t.test("a pod in a user namespace", async (t) => {
  const mapping = [{ container_id: 0, host_id: 65_536, length: 65_536 }];
  const userns_options = { mode: "POD", uids: mapping, gids: mapping };
  const linux = { security_context: { namespace_options: { userns_options } } };
  const { namespace_options } = linux.security_context;
  const pod = await runPod(t, cri, podConfig("mapped", parent, { namespace_options }));
  const id = await createContainer(cri, pod, containerConfig("mapped", "sleep 1000", linux));
  await cri("StartContainer", { container_id: id });
  const { stdout } = await execSync(cri, id, ["sh", "-c", "id -u; cat /proc/self/uid_map"]);
  t.match(stdout, /^0\n\s+0\s+65536\s+65536\n$/);
});
