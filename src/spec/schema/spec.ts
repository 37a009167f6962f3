import type { Spec } from "../types.ts";
import { type Field, mapOf, object } from "./blocks.ts";
import { hooks } from "./hooks.ts";
import { text } from "./leaves.ts";
import { linux } from "./linux.ts";
import { mounts } from "./mounts.ts";
import { process } from "./process.ts";
import { root } from "./root.ts";

/**
 * config.md. What it requires is left to rules: `create` has to say it in the words that callers know, or not to
 * mind.
 */
export const spec: Field<Spec> = object<Spec>({
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
