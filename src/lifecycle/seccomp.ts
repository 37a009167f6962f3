import { TsrunError } from "../errors.ts";
import { type CompiledSeccomp, compileSeccomp } from "../seccomp/compile.ts";
import type { ValidSpec } from "../spec/types.ts";

/** The seccomp filter of a container's processes, from the cache if it was made before; null when there is none. */
export function containerSeccomp(
  { linux, annotations }: Pick<ValidSpec, "linux" | "annotations">,
  euid: number,
): CompiledSeccomp | null {
  const ready = annotations?.["run.oci.seccomp_bpf_data"];
  if (ready !== undefined) {
    return { filter: Buffer.from(ready, "base64"), flags: 0, notify: false, unknown: [] };
  }
  if (!linux?.seccomp) return null;
  const compiled = compileSeccomp(linux.seccomp, { cacheDirectory: cacheDirectory(euid) });
  if (compiled !== null && annotations?.["run.oci.seccomp_fail_unknown_syscall"] !== undefined) {
    refuseUnknown(compiled);
  }
  return compiled;
}

function refuseUnknown({ unknown }: CompiledSeccomp): void {
  if (unknown.length === 0) return;
  throw new TsrunError("SECCOMP", `invalid seccomp syscall: ${unknown.join(", ")}`, {
    pointer: "/linux/seccomp/syscalls",
    hint: "the annotation run.oci.seccomp_fail_unknown_syscall wants every name to be known to libseccomp",
  });
}

/** Compiled filters outlive their containers; the directory is the user's own and goes with the boot. */
function cacheDirectory(euid: number): string | null {
  if (euid === 0) return "/run/tsrun-cache/seccomp";
  const runtimeDirectory = process.env["XDG_RUNTIME_DIR"];
  return runtimeDirectory ? `${runtimeDirectory}/tsrun-cache/seccomp` : null;
}
