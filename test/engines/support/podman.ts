import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import {
  execute,
  kind,
  type Result,
  run,
  type RunOptions,
  runtime,
  scratch,
} from "../../integration/support/runtime.ts";
import { makeImage } from "./image.ts";
import type { Account } from "./account.ts";

export type EngineOptions = {
  readonly cgroupManager: "cgroupfs" | "systemd";
  /** Who calls it; default: root. */
  readonly account?: Account;
  /** The runtime at a place where the account may enter. */
  readonly runtimeAt?: string;
};

export type Engine = {
  /** The words before those of an engine: who calls it, with which environment. */
  readonly caller: readonly string[];
  call(program: string, args: readonly string[], options?: RunOptions): Result;
};

const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Configures podman and buildah as their users do, in /etc/containers, and loads the image of busybox. */
export function prepareEngine(options: EngineOptions): Engine {
  mkdirSync("/etc/containers", { recursive: true });
  writeFileSync("/etc/containers/containers.conf", configOf(options));
  placeStorage();
  // whoever is root of a user namespace passes here
  chmodSync(scratch, 0o711);
  const caller = ["env", "-i", path, ...(options.account?.words ?? ["HOME=/root"])];
  const [env, ...first] = caller as [string, ...string[]];
  const call = (program: string, args: readonly string[], more?: RunOptions): Result =>
    execute(env, [...first, program, ...args], { timeout: 300_000, ...more });
  const { status, stderr } = call("podman", ["load", "--quiet", "--input", makeImage()]);
  if (status !== 0) throw new Error(`podman load: ${stderr}`);
  return { caller, call };
}

/** Podman with the runtime under test and the image of busybox. */
export function preparePodman(options: EngineOptions) {
  const { caller, call } = prepareEngine(options);
  const podman = (args: readonly string[], more?: RunOptions) => call("podman", args, more);
  const inspect = (name: string, format: string): string =>
    podman(["inspect", "--format", format, name]).stdout.trim();
  return {
    podman,
    inspect,
    /** What the runtime itself says of a container of root. */
    statusOf(name: string): string {
      const { stdout, stderr } = run(["state", inspect(name, "{{.ID}}")]);
      return stdout === "" ? stderr : (JSON.parse(stdout) as { status: string }).status;
    },
    /** The words that call podman from a terminal. */
    words: (...args: string[]): string[] => [...caller, "podman", ...args],
  };
}

function configOf({ cgroupManager, runtimeAt }: EngineOptions): string {
  return `[engine]
runtime = "${kind}"
runtime_supports_json = ["${kind}"]
cgroup_manager = "${cgroupManager}"
events_logger = "file"
[engine.runtimes]
${kind} = ["${runtimeAt ?? runtime}"]
[containers]
log_driver = "k8s-file"
netns = "none"
[network]
firewall_driver = "none"
`;
}

/** The lab's root is an overlay, which cannot carry another one: the storage is a tmpfs. */
function placeStorage(): void {
  mkdirSync("/var/lib/containers", { recursive: true });
  const { status, stderr } = execute("mount", ["-t", "tmpfs", "storage", "/var/lib/containers"]);
  if (status !== 0) throw new Error(`mount: ${stderr}`);
}
