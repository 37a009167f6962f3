import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeRootfs } from "../../integration/support/bundle.ts";
import { execute, scratch } from "../../integration/support/runtime.ts";

export const imageName = "localhost/busybox:latest";

/** Makes an image of busybox alone, as `docker save` writes it: what all engines load. Gives the path of the tar. */
export function makeImage(): string {
  const place = join(scratch, "image");
  const rootfs = join(place, "rootfs");
  mkdirSync(rootfs, { recursive: true });
  makeRootfs(rootfs);
  const layer = join(place, "layer.tar");
  pack(layer, rootfs, ["."]);
  const layerSum = sha256(readFileSync(layer));
  const config = JSON.stringify(imageConfig(layerSum));
  const configName = `${sha256(config)}.json`;
  writeFileSync(join(place, configName), config);
  renameSync(layer, join(place, `${layerSum}.tar`));
  const manifest = [{ Config: configName, RepoTags: [imageName], Layers: [`${layerSum}.tar`] }];
  writeFileSync(join(place, "manifest.json"), JSON.stringify(manifest));
  const image = join(scratch, "busybox.tar");
  pack(image, place, ["manifest.json", configName, `${layerSum}.tar`]);
  return image;
}

function imageConfig(layerSum: string) {
  return {
    architecture: process.arch === "x64" ? "amd64" : process.arch,
    os: "linux",
    config: { Cmd: ["sh"], Env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"] },
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
