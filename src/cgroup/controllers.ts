import { reasonOf } from "../errno.ts";
import { TsrunError } from "../errors.ts";
import { errnoOf, readCgroupFile, writeCgroupFile } from "./files.ts";
import { controllerOf, type CgroupPlan, fieldName } from "./plan.ts";

/**
 * Hands controllers down from the mount point to the parent of the container's cgroup: those that the
 * plan needs, or it is an error, and all others where possible.
 */
export function enableControllers(plan: CgroupPlan): void {
  const wanted = plan.available;
  if (wanted.length === 0) return;
  const ancestors = ancestorsOf(plan);
  // Whoever has the controllers got them from all above: mostly the parent tells that nothing is to be done.
  if (missingIn(ancestors.at(-1)!, wanted).length === 0) return;
  for (const path of ancestors) {
    const failed = enableIn(path, missingIn(path, wanted));
    const needed = failed.find(({ controller }) => plan.controllers.includes(controller));
    if (needed !== undefined) throw cannotEnable(plan, path, needed);
  }
}

/** The cgroups from the mount point to the parent. */
export function ancestorsOf({ mountpoint, path }: CgroupPlan): string[] {
  const ancestors = [mountpoint];
  for (
    let at = path.indexOf("/", mountpoint.length + 1);
    at !== -1;
    at = path.indexOf("/", at + 1)
  ) {
    ancestors.push(path.slice(0, at));
  }
  return ancestors;
}

function missingIn(path: string, wanted: readonly string[]): string[] {
  const enabled = new Set(
    (readCgroupFile(`${path}/cgroup.subtree_control`) ?? "").trim().split(" "),
  );
  return wanted.filter((controller) => !enabled.has(controller));
}

type Failure = { controller: string; error: unknown };

/** All in one write; where that fails each by itself, so that one does not stop the others. */
function enableIn(path: string, controllers: readonly string[]): Failure[] {
  if (controllers.length === 0) return [];
  const file = `${path}/cgroup.subtree_control`;
  try {
    writeCgroupFile(file, controllers.map((name) => `+${name}`).join(" "));
    return [];
  } catch (error) {
    if (controllers.length === 1) return [{ controller: controllers[0]!, error }];
    return controllers.flatMap((controller) => enableIn(path, [controller]));
  }
}

const reasons: Readonly<Record<string, string>> = {
  EBUSY:
    "processes are in that cgroup itself, and a cgroup with processes cannot hand controllers down",
  EOPNOTSUPP: "that cgroup is threaded, where only cpu, cpuset, pids and perf_event are",
  ENOTSUP: "that cgroup is threaded, where only cpu, cpuset, pids and perf_event are",
  ENOENT: "its own parent does not hand it down, or the kernel lacks it",
  EACCES: "it belongs to another user",
  EPERM: "it belongs to another user",
  EROFS: "the tree is mounted read-only",
};

const hints: Readonly<Record<string, string>> = {
  EBUSY: "move those processes to a cgroup below it, or use another cgroupsPath",
  EACCES: "run below a cgroup that is delegated to you, with this controller",
  EPERM: "run below a cgroup that is delegated to you, with this controller",
};

function cannotEnable(plan: CgroupPlan, path: string, { controller, error }: Failure): TsrunError {
  const errno = errnoOf(error);
  const origin = plan.writes.find(({ file }) => controllerOf(file) === controller)!.origin;
  const reason = reasons[errno] ?? reasonOf(error);
  return new TsrunError(
    "CGROUP",
    `${fieldName(origin)} can't be set: unable to enable controller ${JSON.stringify(controller)} in ${path}: ${reason} (${errno})`,
    { pointer: origin, errno, hint: hints[errno], cause: error },
  );
}
