import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Test } from "tap";
import {
  execute,
  type Result,
  type RunOptions,
  runtime,
  scratch,
} from "../../integration/support/runtime.ts";
import { startDaemon, type Daemon } from "./daemon.ts";
import { makeImage } from "./image.ts";

export type Containerd = {
  readonly daemon: Daemon;
  readonly socket: string;
  ctr(args: readonly string[], options?: RunOptions): Result;
};

/** containerd with its state below the scratch directory and the image of busybox in it. */
export function startContainerd(t: Test, extraConfig = ""): Containerd {
  const place = join(scratch, "containerd");
  mkdirSync(place);
  const socket = join(place, "containerd.sock");
  writeFileSync(join(place, "config.toml"), configOf(place, socket) + extraConfig);
  const command = ["containerd", "--config", join(place, "config.toml"), "--log-level", "info"];
  const daemon = startDaemon(t, command, { ready: socket });
  const ctr = (args: readonly string[], options?: RunOptions) =>
    execute("ctr", ["--address", socket, ...args], { timeout: 60_000, ...options });
  const { status, stderr } = ctr(["image", "import", makeImage()]);
  if (status !== 0) throw new Error(`ctr image import: ${stderr}`);
  return { daemon, socket, ctr };
}

function configOf(place: string, socket: string): string {
  return `version = 3
root = "${place}/root"
state = "${place}/state"
[grpc]
  address = "${socket}"
`;
}

/** The words of `ctr run` that choose the runtime. */
export const runtimeFlags = ["--runtime", "io.containerd.runc.v2", "--runc-binary", runtime];
