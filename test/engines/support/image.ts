import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeRootfs } from "../../integration/support/bundle.ts";
import { execute, scratch } from "../../integration/support/runtime.ts";

export const imageName = "localhost/busybox:latest";

/** An image that waits for ever, as the one of a pod's sandbox does. */
export const pauseName = "localhost/pause:latest";

/** Makes an image of busybox alone, as `docker save` writes it: what all engines load. Gives the path of the tar. */
export function makeImage(name = imageName, command: readonly string[] = ["sh"]): string {
  const title = /([a-z]+):/.exec(name)![1]!;
  const place = join(scratch, `image-${title}`);
  const rootfs = join(place, "rootfs");
  mkdirSync(rootfs, { recursive: true });
  makeRootfs(rootfs);
  const layer = join(place, "layer.tar");
  pack(layer, rootfs, ["."]);
  const layerSum = sha256(readFileSync(layer));
  const config = JSON.stringify(imageConfig(layerSum, command));
  const configName = `${sha256(config)}.json`;
  writeFileSync(join(place, configName), config);
  renameSync(layer, join(place, `${layerSum}.tar`));
  const manifest = [{ Config: configName, RepoTags: [name], Layers: [`${layerSum}.tar`] }];
  writeFileSync(join(place, "manifest.json"), JSON.stringify(manifest));
  const image = join(scratch, `${title}.tar`);
  pack(image, place, ["manifest.json", configName, `${layerSum}.tar`]);
  return image;
}

function imageConfig(layerSum: string, command: readonly string[]) {
  return {
    architecture: process.arch === "x64" ? "amd64" : process.arch,
    os: "linux",
    config: { Cmd: command, Env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"] },
    rootfs: { type: "layers", diff_ids: [`sha256:${layerSum}`] },
    history: [{ created_by: "busybox" }],
  };
}

function pack(archive: string, directory: string, names: readonly string[]): void {
  const flags = ["--sort=name", "--numeric-owner", "--owner=0", "--group=0"];
  const { status, stderr } = execute("tar", [...flags, "-C", directory, "-cf", archive, ...names]);
  if (status !== 0) throw new Error(`tar: ${stderr}`);
}

function sha256(data: string | Buffer): string {
  return createHash("sha256").update(data).digest("hex");
}
