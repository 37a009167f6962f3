import { existsSync } from "node:fs";
import { join } from "node:path";

/** Says where the addon and init are: in the npm package native/ beside the bundles, in the sources build/Release. */
export function locateNative(): void {
  const shipped = join(import.meta.dirname, "native");
  globalThis.tsrunNativeDirectory ??= existsSync(shipped)
    ? shipped
    : join(import.meta.dirname, "../../build/Release");
}
