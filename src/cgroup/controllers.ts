import { reasonOf } from "../errno.ts";
import { TsrunError } from "../errors.ts";
import { errnoOf, isErrno, readCgroupFile, writeCgroupFile } from "./files.ts";
import { controllerOf, type CgroupPlan, fieldName } from "./plan.ts";

/** What of a cgroup's plan says which controllers it needs. */
export type Enabling = Pick<
  CgroupPlan,
  "path" | "mountpoint" | "controllers" | "available" | "writes"
>;

/**
 * Hands controllers down from the mount point to the parent of the container's cgroup: those that the
 * plan needs, or it is an error, and all others where possible.
 */
export function enableControllers(plan: Enabling): void {
  const wanted = plan.available;
  if (wanted.length === 0) return;
  const ancestors = ancestorsOf(plan);
  // Whoever has the controllers got them from all above: mostly the parent tells that nothing is to be done.
  if (missingIn(ancestors.at(-1)!, wanted).length === 0) return;
  for (const path of ancestors) enableIn(path, missingIn(path, wanted), plan);
}

/** The cgroups from the mount point to the parent. */
export function ancestorsOf({
  mountpoint,
  path,
}: Pick<CgroupPlan, "mountpoint" | "path">): string[] {
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

function enableIn(path: string, controllers: readonly string[], plan: Enabling): void {
  if (controllers.length === 0) return;
  const refusal = tryEnable(path, controllers);
  if (refusal === undefined) return;
  for (const controller of controllers.filter((name) => plan.controllers.includes(name))) {
    const error = tryEnable(path, [controller]);
    if (error !== undefined) throw cannotEnable(plan, path, { controller, error });
  }
  // In a cgroup with processes only threaded controllers can be enabled, and they would make the container's
  // cgroup a threaded one: too high a price for what nobody asked for.
  if (isErrno(refusal, "EBUSY")) return;
  for (const controller of controllers.filter((name) => !plan.controllers.includes(name))) {
    tryEnable(path, [controller]);
  }
}

/** The error of the kernel, if any; all controllers go in one write, which does all or nothing. */
function tryEnable(path: string, controllers: readonly string[]): unknown {
  try {
    writeCgroupFile(
      `${path}/cgroup.subtree_control`,
      controllers.map((name) => `+${name}`).join(" "),
    );
    return undefined;
  } catch (error) {
    return error;
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

function cannotEnable(
  plan: Enabling,
  path: string,
  { controller, error }: { controller: string; error: unknown },
): TsrunError {
  const errno = errnoOf(error);
  const origin = plan.writes.find(({ file }) => controllerOf(file) === controller)!.origin;
  const reason = reasons[errno] ?? reasonOf(error);
  return new TsrunError(
    "CGROUP",
    `${fieldName(origin)} can't be set: unable to enable controller ${JSON.stringify(controller)} in ${path}: ${reason} (${errno})`,
    { pointer: origin, errno, hint: hints[errno], cause: error },
  );
}
