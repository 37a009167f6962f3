import type { Spec } from "../types.ts";
import { type Build, object } from "./blocks.ts";
import { bool, text } from "./leaves.ts";

type Root = NonNullable<Spec["root"]>;

/** config.md, Root */
export const root: Build<Root> = object<Root>({ path: text, readonly: bool }, ["path"]);
