// The program: one command line in, an exit status out.
import { existsSync } from "node:fs";
import { join } from "node:path";

import { runCommandLine } from "./cli/session.ts";
import { native } from "./native.ts";

/** In the npm package: where the native part is, seen from bin/; its build puts it in. */
declare const __TSRUN_NATIVE__: string;

const packaged = typeof __TSRUN_NATIVE__ === "string";
const fromSource = process.argv[1]?.endsWith("/src/main.ts") === true;

if (packaged) globalThis.tsrunNativeDirectory = join(__dirname, __TSRUN_NATIVE__);
if (fromSource) {
  const built = join(process.argv[1]!, "../../build/Release");
  if (existsSync(join(built, "tsrun.node"))) globalThis.tsrunNativeDirectory = built;
}

/** Runs one command line and ends the process. */
export async function main(argv: readonly string[]): Promise<never> {
  const code = await runCommandLine(argv, fromSource || packaged ? "tsrun" : process.argv0);
  return leave(code);
}

// Everything is written when a command returns, so nothing is left for node to do.
function leave(code: number): never {
  try {
    return native().exitNow(code);
  } catch {
    return process.exit(code); // no addon: help and validate work without
  }
}

void main(process.argv.slice(2));
