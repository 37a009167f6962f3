// The ids of a mount within the container's own tree: init finds the mount, and has no rights over its file system.
import { closeSync } from "node:fs";

import { TsrunError } from "../errors.ts";
import { native, type NativeError } from "../native.ts";
import { opFailure } from "./failure.ts";
import type { Intent } from "./prepare.ts";

/** Maps the ids of the detached mount `fd`, as the op says that init is at. */
export function mapMount(
  { plan, loaded }: Intent,
  { op: index, fd }: { readonly op: number; readonly fd: number },
  handed: readonly number[],
): void {
  const op = plan.ops[index];
  try {
    if (op?.op !== "ask_idmap") throw new TsrunError("INTERNAL", `op ${index} maps no ids`);
    native().idmapMount(fd, handed[Number(op.userns)]!, Number(op.recursive) !== 0);
  } catch (error) {
    if (error instanceof TsrunError) throw error;
    const { errno, syscall } = error as NativeError;
    throw opFailure(plan, { op: index, errno: -errno, text: syscall }, loaded.spec);
  } finally {
    closeSync(fd);
  }
}
