import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Test } from "tap";
import { onTerminal } from "../../integration/support/console.ts";
import {
  execute,
  type Result,
  type RunOptions,
  runtime,
  scratch,
} from "../../integration/support/runtime.ts";
import { type Daemon, startDaemon } from "./daemon.ts";
import { imageName, makeImage } from "./image.ts";

export type Containerd = {
  readonly daemon: Daemon;
  readonly socket: string;
  ctr(args: readonly string[], options?: RunOptions): Result;
  /** `ctr run` with the runtime under test and the image; flags first, then id and command. */
  run(flags: readonly string[], words: readonly string[]): Result;
  /** A container in the background, removed when the test ends. */
  detach(t: Test, id: string, script: string, flags?: readonly string[]): void;
  /** `ctr` on a terminal of 20 rows and 60 columns. */
  onTerminal(args: readonly string[]): ReturnType<typeof onTerminal>;
  /** What `ctr task ls` says of the task; undefined when there is none. */
  task(id: string): { pid: number; status: string } | undefined;
};

/** The words of `ctr run` that choose the runtime. */
export function runtimeFlags(binary = runtime): string[] {
  return ["--runtime", "io.containerd.runc.v2", "--runc-binary", binary];
}

export type ContainerdOptions = {
  /** What config.toml says of plugins. */
  readonly plugins?: string;
  /** Where the image is to be known; "k8s.io" is the namespace of the CRI plugin. */
  readonly namespaces?: readonly string[];
};

/** containerd with its state below the scratch directory and the image of busybox in it. */
export function startContainerd(t: Test, options: ContainerdOptions = {}): Containerd {
  const { plugins = "", namespaces = ["default"] } = options;
  const place = join(scratch, "containerd");
  mkdirSync(place);
  chmodSync(scratch, 0o711); // for the root of a user namespace
  const socket = join(place, "containerd.sock");
  const config = join(place, "config.toml");
  writeFileSync(config, settings(place, socket) + plugins);
  const command = ["containerd", "--config", config, "--log-level", "info"];
  const daemon = startDaemon(t, command, { ready: socket });
  const ctr = (args: readonly string[], options?: RunOptions) =>
    execute("ctr", ["--address", socket, ...args], { timeout: 120_000, ...options });
  const image = makeImage();
  for (const namespace of namespaces) {
    const { status, stderr } = ctr(["--namespace", namespace, "image", "import", image]);
    if (status !== 0) throw new Error(`ctr image import: ${stderr}`);
  }
  return { daemon, socket, ctr, ...callsOf(socket, ctr) };
}

type Ctr = Containerd["ctr"];

function callsOf(socket: string, ctr: Ctr) {
  const run = (flags: readonly string[], words: readonly string[]) =>
    ctr(["run", ...runtimeFlags(), ...flags, imageName, ...words]);
  return {
    run,
    detach(t: Test, id: string, script: string, flags: readonly string[] = []) {
      t.teardown(() => {
        ctr(["task", "rm", "--force", id]);
        ctr(["container", "rm", id]);
      });
      const { status, stderr } = run(["--detach", ...flags], [id, "sh", "-c", script]);
      if (status !== 0) throw new Error(`ctr run --detach ${id}: ${stderr}`);
    },
    onTerminal: (args: readonly string[]) =>
      onTerminal(20, 60, ["/usr/bin/ctr", "--address", socket, ...args]),
    task(id: string) {
      const lines = ctr(["task", "ls"]).stdout.split("\n");
      const words = lines.map((line) => line.split(/\s+/)).find(([name]) => name === id);
      return words === undefined ? undefined : { pid: Number(words[1]), status: words[2]! };
    },
  };
}

function settings(place: string, socket: string): string {
  return `version = 3
root = "${place}/root"
state = "${place}/state"
[grpc]
  address = "${socket}"
`;
}

/** The parent of a process: for the init of a container its shim. */
export function parentOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return Number(stat.split(") ").at(-1)!.split(" ")[1]);
}
