import type { Spec } from "../types.ts";
import { type Field, object } from "./blocks.ts";
import { bool, text } from "./leaves.ts";

type Root = NonNullable<Spec["root"]>;

/** config.md, Root */
export const root: Field<Root> = object<Root>({ path: text, readonly: bool }, ["path"]);
