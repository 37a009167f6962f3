import { openSync, closeSync } from "node:fs";
import { resolve } from "node:path";

import { TsrunError } from "../errors.ts";
import { reasonOf } from "../errno.ts";
import { defaultSpec } from "../spec/default.ts";
import type { Invocation } from "./invocation.ts";
import { writeAll } from "./output.ts";

/** tsrun spec */
export function spec({ flags }: Invocation<"spec">): number {
  const ids = { uid: process.geteuid!(), gid: process.getegid!() };
  const place = { bundle: flags.bundle || ".", file: flags.file || "config.json" };
  writeNew(place, JSON.stringify(defaultSpec(flags.rootless, ids), null, "\t"));
  return 0;
}

type Place = { readonly bundle: string; readonly file: string };

function writeNew(place: Place, text: string): void {
  let fd: number;
  try {
    fd = openSync(resolve(place.bundle, place.file), "wx", 0o666);
  } catch (error) {
    throw refusal(error, place);
  }
  writeAll(fd, text);
  closeSync(fd);
}

function refusal(error: unknown, { bundle, file }: Place): TsrunError {
  if ((error as NodeJS.ErrnoException).code === "EEXIST") {
    return new TsrunError("USAGE", `File ${file} exists. Remove it first`);
  }
  const what = bundle === "." ? `open ${file}` : `chdir ${bundle}`;
  return new TsrunError("BUNDLE", `${what}: ${reasonOf(error)}`, { cause: error });
}
