import { type CompiledSeccomp, compileSeccomp } from "../seccomp/compile.ts";
import type { Linux } from "../spec/types.ts";

/** The seccomp filter of a container's processes, from the cache if it was made before; null when there is none. */
export function containerSeccomp(linux: Linux | undefined, euid: number): CompiledSeccomp | null {
  if (!linux?.seccomp) return null;
  return compileSeccomp(linux.seccomp, { cacheDirectory: cacheDirectory(euid) });
}

/** Compiled filters outlive their containers; the directory is the user's own and goes with the boot. */
function cacheDirectory(euid: number): string | null {
  if (euid === 0) return "/run/tsrun-cache/seccomp";
  const runtimeDirectory = process.env["XDG_RUNTIME_DIR"];
  return runtimeDirectory ? `${runtimeDirectory}/tsrun-cache/seccomp` : null;
}
