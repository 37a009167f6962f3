import type { Hook, Hooks } from "../types.ts";
import { type Field, list, object } from "./blocks.ts";
import { int, text, texts } from "./leaves.ts";

const hook = list(object<Hook>({ path: text, args: texts, env: texts, timeout: int }, ["path"]));

/** config.md, POSIX-platform Hooks */
export const hooks: Field<Hooks> = object<Hooks>({
  prestart: hook,
  createRuntime: hook,
  createContainer: hook,
  startContainer: hook,
  poststart: hook,
  poststop: hook,
});
