import { existsSync } from "node:fs";

import { reasonOf } from "../errno.ts";
import { TsrunError } from "../errors.ts";
import { errnoOf, readCgroupFile, writeCgroupFile } from "./files.ts";
import { fileMissing, writeFailed } from "./limits.ts";
import type { CgroupWrite } from "./resources.ts";

export type CgroupUpdate = {
  readonly writes: readonly CgroupWrite[];
  /** Tells systemd of the values, before they are written and, when something fails, of those of before. */
  readonly tell?: (writes: readonly CgroupWrite[]) => void;
  /** What belongs to the update besides; when it throws, the values of before are put back. */
  readonly finish: () => void;
};

/** One value to write, and what puts back the one of before. */
type Step = {
  readonly write: CgroupWrite;
  /** undefined: the kernel does not tell the value of before. */
  readonly undo: string | undefined;
};

/**
 * Changes the limits of a container's cgroup, all or none: what was written before something failed is put back.
 * All updates of all containers go through here.
 */
export function updateCgroup({ path }: { readonly path: string }, update: CgroupUpdate): void {
  const steps = update.writes.flatMap((write) => prepareStep(path, write));
  const done: Step[] = [];
  update.tell?.(update.writes);
  try {
    for (const step of steps) {
      perform(path, step.write);
      done.push(step);
    }
    update.finish();
  } catch (error) {
    const before = steps.flatMap(({ write, undo }) =>
      undo === undefined ? [] : [{ ...write, value: undo }],
    );
    throw explained(error, putBack(path, { done, tell: () => update.tell?.(before) }));
  }
}

function prepareStep(path: string, write: CgroupWrite): Step[] {
  const { file, value, otherwise } = write;
  if (existsSync(`${path}/${file}`)) return [{ write, undo: undoValue(path, file, value) }];
  if (otherwise !== undefined) {
    const [step] = prepareStep(path, {
      ...write,
      ...otherwise,
      otherwise: undefined,
      optional: true,
    });
    if (step !== undefined) return [step];
  }
  if (write.optional === true) return [];
  throw fileMissing(path, write);
}

function perform(path: string, write: CgroupWrite): void {
  try {
    writeCgroupFile(`${path}/${write.file}`, write.value);
  } catch (error) {
    throw writeFailed(path, write, error);
  }
}

/** Files with a line for each device, and what a line says that is not there. */
const keyed: Readonly<Record<string, string>> = {
  "io.max": "rbps=max wbps=max riops=max wiops=max",
  "io.weight": "default",
  "io.bfq.weight": "default",
  "io.latency": "target=0",
  "rdma.max": "hca_handle=max hca_object=max",
  "misc.max": "max",
};

function undoValue(path: string, file: string, value: string): string | undefined {
  let present: string | undefined;
  try {
    present = readCgroupFile(`${path}/${file}`)?.trim();
  } catch {
    return undefined; // can only be written, such as memory.reclaim
  }
  if (present === undefined) return undefined;
  // The weight of an idle cgroup is no weight; it is forgotten when the cgroup becomes idle again.
  if (file === "cpu.weight" && readCgroupFile(`${path}/cpu.idle`)?.trim() === "1") return undefined;
  const absent = keyed[file];
  if (absent === undefined) return present === "" ? "\n" : present;
  const key = value.includes(" ") ? value.slice(0, value.indexOf(" ")) : "default";
  const line = present.split("\n").find((candidate) => candidate.startsWith(`${key} `));
  return line ?? `${key} ${absent}`;
}

type Restoration = { readonly restored: readonly string[]; readonly lost: readonly string[] };

function putBack(
  path: string,
  { done, tell }: { readonly done: readonly Step[]; readonly tell: () => void },
): Restoration {
  const [restored, lost]: [string[], string[]] = [[], []];
  try {
    tell();
  } catch (error) {
    lost.push(`the properties of the unit (${reasonOf(error)})`);
  }
  for (const { write, undo } of done.toReversed()) {
    if (undo === undefined) {
      lost.push(write.file);
      continue;
    }
    try {
      writeCgroupFile(`${path}/${write.file}`, undo);
      restored.push(write.file);
    } catch (error) {
      lost.push(`${write.file} (${JSON.stringify(undo)}: ${reasonOf(error)})`);
    }
  }
  return { restored, lost };
}

function explained(error: unknown, { restored, lost }: Restoration): unknown {
  if (!(error instanceof TsrunError)) {
    const cause = new TsrunError("CGROUP", `unable to update: ${reasonOf(error)}`, {
      errno: errnoOf(error),
      cause: error,
    });
    return explained(cause, { restored, lost });
  }
  const { code, message, pointer, hint, errno } = error;
  const outcome = [
    ...(restored.length > 0 ? [`put back as before: ${restored.join(", ")}`] : []),
    ...(lost.length > 0 ? [`could not be put back: ${lost.join(", ")}`] : []),
  ];
  const what = outcome.length > 0 ? outcome.join("; ") : "nothing was changed";
  const name = errno ? ` (${errno})` : "";
  return new TsrunError(code, `${message}${name}; ${what}`, { pointer, hint, errno, cause: error });
}
