import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import type { Test } from "tap";
import { runtime, scratch } from "../../integration/support/runtime.ts";
import { type Containerd, startContainerd } from "./containerd.ts";
import { imageName, makeImage, pauseName } from "./image.ts";

/** The protocol, from Debian's golang-k8s-cri-api-dev; test/lab/mkguest puts it there. */
const proto = "/root/cri-api/usr/share/gocode/src/k8s.io/cri-api/pkg/apis/runtime/v1/api.proto";

/** Calls of the runtime service, by their names and messages in the protocol. */
export type Cri = <Response>(method: string, request?: object) => Promise<Response>;

type Method = (request: object, options: object, done: Done) => void;
type Done = (error: Error | null, response: unknown) => void;

export const handler = "tsrun";

/** containerd with the runtime under test as the handler "tsrun" of its CRI plugin, and a bridge for pods. */
export function startCri(t: Test, { systemdCgroup }: { systemdCgroup: boolean }) {
  const plugins = criSettings(systemdCgroup, writeNetwork());
  const containerd = startContainerd(t, { plugins, namespaces: ["k8s.io", "default"] });
  importPause(containerd);
  const client = connect(containerd.socket);
  t.teardown(() => client.close());
  const methods = client as unknown as Record<string, Method>;
  const cri: Cri = (method, request = {}) =>
    new Promise((resolve, reject) => {
      const done: Done = (error, response) =>
        error === null ? resolve(response as never) : reject(error);
      methods[method]!.call(client, request, { deadline: Date.now() + 180_000 }, done);
    });
  return { cri, containerd };
}

function importPause({ ctr }: Containerd): void {
  const archive = makeImage(pauseName, ["sleep", "infinity"]);
  const { status, stderr } = ctr(["--namespace", "k8s.io", "image", "import", archive]);
  if (status !== 0) throw new Error(`ctr image import: ${stderr}`);
}

function connect(socket: string): grpc.Client {
  const definition = loadSync(proto, {
    keepCase: true,
    longs: Number,
    enums: String,
    defaults: true,
  });
  const { runtime: loaded } = grpc.loadPackageDefinition(definition) as unknown as {
    runtime: { v1: { RuntimeService: grpc.ServiceClientConstructor } };
  };
  return new loaded.v1.RuntimeService(`unix:${socket}`, grpc.credentials.createInsecure());
}

function writeNetwork(): string {
  const directory = join(scratch, "cni");
  mkdirSync(directory);
  const network = {
    cniVersion: "1.0.0",
    name: "pods",
    plugins: [
      {
        type: "bridge",
        bridge: "pods0",
        ipam: { type: "host-local", ranges: [[{ subnet: "10.88.0.0/24" }]] },
      },
    ],
  };
  writeFileSync(join(directory, "10-pods.conflist"), JSON.stringify(network));
  return directory;
}

/** As docs/how-to/kubernetes.md has it, with what the lab needs besides. */
function criSettings(systemdCgroup: boolean, network: string): string {
  return `
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "${pauseName}"
[plugins."io.containerd.cri.v1.runtime".cni]
  bin_dirs = ["/usr/lib/cni"]
  conf_dir = "${network}"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.${handler}]
  runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.${handler}.options]
    BinaryName = "${runtime}"
    SystemdCgroup = ${systemdCgroup}
`;
}

/** What a pod is asked for with. */
export function podConfig(name: string, cgroupParent: string, securityContext: object = {}) {
  const logs = join(scratch, `logs-${name}`);
  mkdirSync(logs, { recursive: true });
  return {
    metadata: { name, uid: `uid-${name}`, namespace: "tests", attempt: 0 },
    hostname: name,
    log_directory: logs,
    linux: { cgroup_parent: cgroupParent, security_context: securityContext },
  };
}

/** A container of the image of busybox that runs a shell script. */
export function containerConfig(name: string, script: string, linux: object = {}) {
  return {
    metadata: { name, attempt: 0 },
    image: { image: imageName },
    command: ["sh", "-c", script],
    log_path: `${name}.log`,
    linux,
  };
}
