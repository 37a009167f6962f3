import type { Spec } from "../types.ts";
import { type Build, mapOf, object } from "./blocks.ts";
import { hooks } from "./hooks.ts";
import { text } from "./leaves.ts";
import { linux } from "./linux.ts";
import { mounts } from "./mounts.ts";
import { process } from "./process.ts";
import { root } from "./root.ts";

// ociVersion, process and root are demanded by rules: with the texts that callers know, or not at all by `create`.
/** config.md */
export const spec: Build<Spec> = object<Spec>({
  ociVersion: text,
  root,
  mounts,
  process,
  hostname: text,
  domainname: text,
  hooks,
  annotations: mapOf(text),
  linux,
});
