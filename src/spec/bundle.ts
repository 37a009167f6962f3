import { realpathSync } from "node:fs";

import { TsrunError } from "../errors.ts";
import { reasonOf } from "../errno.ts";

/** The directory of a bundle, absolute and without links. */
export function realBundle(bundle: string): string {
  try {
    return realpathSync(bundle);
  } catch (error) {
    throw new TsrunError("BUNDLE", `chdir ${bundle}: ${reasonOf(error)}`, {
      cause: error,
      hint: "the bundle is the directory that holds config.json",
    });
  }
}
