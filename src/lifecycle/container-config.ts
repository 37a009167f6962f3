import { readFileSync } from "node:fs";

import { TsrunError } from "../errors.ts";
import { parseJson } from "../spec/json.ts";
import { normalize } from "../spec/normalize.ts";
import type { ValidSpec } from "../spec/types.ts";

/** The configuration that a container was created with. */
export type ContainerConfig = {
  readonly spec: ValidSpec;
  readonly file: string;
  readonly text: string;
};

/** Reads the configuration of a container from its state directory; it was checked when the container was created. */
export function readContainerConfig(directory: string): ContainerConfig {
  const file = `${directory}/config.json`;
  const text = readFileSync(file, "utf8");
  try {
    return { spec: normalize(parseJson(text), text) as ValidSpec, file, text };
  } catch (cause) {
    throw new TsrunError("STATE", `${file} is damaged: it is not JSON`, { cause });
  }
}
