import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { run, scratch } from "../integration/support/runtime.ts";
import { until } from "../integration/support/wait.ts";
import { begin } from "./support/begin.ts";
import { imageName } from "./support/image.ts";
import { preparePodman } from "./support/podman.ts";

begin(t, { podman: ["--version"], conmon: ["--version"] });
const { podman } = preparePodman({ cgroupManager: "cgroupfs" });
const kubePod = `apiVersion: v1
kind: Pod
metadata:
  name: pod
spec:
  containers:
    - name: one
      image: ${imageName}
      imagePullPolicy: Never
      command: [sleep, "1000"]
    - name: two
      image: ${imageName}
      imagePullPolicy: Never
      command: [sh, -c, hostname; sleep 1000]
      resources: { limits: { memory: 64Mi } }
      securityContext: { runAsUser: 1000, readOnlyRootFilesystem: true }
`;
const context = mkdtempSync(join(scratch, "context-"));
const containerfile = `FROM ${imageName}
RUN mkdir -m 777 /made
USER 1000
RUN echo made by $(id -u) > /made/out
CMD ["cat", "/made/out"]
`;

t.test("a pod: containers share namespaces; play kube makes one and takes it down", async (t) => {
  writeFileSync(join(scratch, "pod.yaml"), kubePod);
  const kube = (...words: string[]) =>
    podman(["kube", ...words, "--quiet", join(scratch, "pod.yaml")]);
  const down = () => podman(["kube", "down", "--force", join(scratch, "pod.yaml")]);
  t.teardown(down);
  t.match(kube("play", "--network", "none"), { status: 0 });
  const link = (name: string) => podman(["exec", name, "readlink", "/proc/self/ns/ipc"]).stdout;
  t.match(link("pod-one"), /^ipc:/);
  t.equal(link("pod-one"), link("pod-two"));
  t.ok(until(() => podman(["logs", "pod-two"]).stdout === "pod\n"));
  t.match(down(), { status: 0 });
  t.equal(run(["list", "--quiet"]).stdout, "");
});

t.test("pod create: the containers join it, their cgroups are in the pod's", async (t) => {
  const flags = ["--name", "group", "--network", "none", "--memory", "128m"];
  t.match(podman(["pod", "create", ...flags]), { status: 0 });
  t.teardown(() => podman(["pod", "rm", "--force", "--time", "0", "group"]));
  const run = ["run", "--rm", "--pod", "group", "--cgroupns", "host", imageName];
  const { status, stdout } = podman([...run, "sh", "-c", "hostname; cat /proc/self/cgroup"]);
  t.equal(status, 0);
  const id = podman(["pod", "inspect", "--format", "{{.ID}}", "group"]).stdout.trim();
  t.match(stdout, new RegExp(`^group\n0::/libpod_parent/${id}/libpod-[0-9a-f]{64}\n$`));
  t.equal(readFileSync(`/sys/fs/cgroup/libpod_parent/${id}/memory.max`, "utf8"), "134217728\n");
});

t.test("build: RUN in a container of the runtime", async (t) => {
  writeFileSync(join(context, "Containerfile"), containerfile);
  const build = ["build", "--quiet", "--isolation", "oci", "--tag", "built"];
  const { status, stderr } = podman([...build, "--file", join(context, "Containerfile"), context]);
  t.equal(status, 0, stderr);
  t.match(podman(["run", "--rm", "built"]), { status: 0, stdout: "made by 1000\n" });
  writeFileSync(join(context, "Failing"), `FROM ${imageName}\nRUN exit 5\n`);
  const failed = podman([...build, "--file", join(context, "Failing"), context]);
  t.match(failed, { status: 5, stderr: /exit status 5/ });
});
