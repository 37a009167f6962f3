import { openSync, closeSync } from "node:fs";
import { join } from "node:path";

import { TsrunError } from "../errors.ts";
import { reasonOf } from "../errno.ts";
import { defaultSpec } from "../spec/default.ts";
import type { Invocation } from "./invocation.ts";
import { writeAll } from "./output.ts";

/** tsrun spec */
export function spec({ flags }: Invocation<"spec">): number {
  const ids = { uid: process.geteuid!(), gid: process.getegid!() };
  writeNew(flags.bundle || ".", JSON.stringify(defaultSpec(flags.rootless, ids), null, "\t"));
  return 0;
}

function writeNew(bundle: string, text: string): void {
  let fd: number;
  try {
    fd = openSync(join(bundle, "config.json"), "wx", 0o666);
  } catch (error) {
    throw refusal(error, bundle);
  }
  writeAll(fd, text);
  closeSync(fd);
}

function refusal(error: unknown, bundle: string): TsrunError {
  if ((error as NodeJS.ErrnoException).code === "EEXIST") {
    return new TsrunError("USAGE", "File config.json exists. Remove it first");
  }
  const what = bundle === "." ? "open config.json" : `chdir ${bundle}`;
  return new TsrunError("BUNDLE", `${what}: ${reasonOf(error)}`, { cause: error });
}
