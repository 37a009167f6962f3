import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./build-step.ts";

/** containerd's default configuration with its seccomp profile, for a bundle that has nothing but a rootfs. */
export function sampleConfig(args: readonly string[]): string {
  const config = JSON.parse(
    readFileSync(join(root, "test/fixtures/config/containerd.json"), "utf8"),
  );
  config.root = { path: "rootfs" };
  config.process.args = args;
  config.process.terminal = false;
  delete config.linux.resources;
  // A place of its own for each container, made by the runtime from the id.
  delete config.linux.cgroupsPath;
  // The files that containerd binds (resolv.conf ...) are not here.
  config.mounts = config.mounts.filter((mount: { type?: string }) => mount.type !== "bind");
  return JSON.stringify(config, null, 2);
}
