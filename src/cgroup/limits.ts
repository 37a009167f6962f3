import { readdirSync } from "node:fs";
import { reasonOf } from "../errno.ts";
import { TsrunError } from "../errors.ts";
import { errnoOf, isErrno, readCgroupFile, writeCgroupFile } from "./files.ts";
import { controllerOf, fieldName } from "./plan.ts";
import type { CgroupWrite } from "./resources.ts";

/** Writes values to the files of a cgroup, in order. The first that fails is an error that says where it comes from. */
export function applyWrites(path: string, writes: readonly CgroupWrite[]): void {
  for (const write of writes) {
    try {
      if (writeWhereExists(path, write) || write.optional) continue;
    } catch (error) {
      throw writeFailed(path, write, error);
    }
    throw fileMissing(path, write);
  }
}

/** false: the kernel has neither the file nor the one to write instead. */
function writeWhereExists(path: string, { file, value, otherwise }: CgroupWrite): boolean {
  try {
    writeCgroupFile(`${path}/${file}`, value);
    return true;
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
  }
  return otherwise !== undefined && writeWhereExists(path, { ...otherwise, origin: "" });
}

/** The error for a file that the cgroup, or the kernel, does not have. */
export function fileMissing(path: string, { file, origin, otherwise }: CgroupWrite): TsrunError {
  const controller = controllerOf(file);
  const controllers = (readCgroupFile(`${path}/cgroup.controllers`) ?? "").trim().split(" ");
  const message = `${fieldName(origin)} can't be set:`;
  const details = { pointer: origin, errno: "ENOENT" };
  if (controller !== "cgroup" && !controllers.includes(controller)) {
    return new TsrunError(
      "CGROUP",
      `${message} controller ${JSON.stringify(controller)} not available in ${path}`,
      details,
    );
  }
  const files = otherwise === undefined ? file : `${file} or ${otherwise.file}`;
  const present = readdirSync(path).filter((name) => controllerOf(name) === controller);
  return new TsrunError("CGROUP", `${message} this kernel has no ${files}`, {
    ...details,
    hint: `files of this controller: ${present.toSorted().join(" ") || "none"}`,
  });
}

/** The error for a value that the kernel does not take. */
export function writeFailed(
  path: string,
  { file, value, origin }: CgroupWrite,
  error: unknown,
): TsrunError {
  const errno = errnoOf(error);
  const explained = explanations.find(
    ({ when, files }) => when.includes(errno) && files.test(file),
  );
  return new TsrunError(
    "CGROUP",
    `${fieldName(origin)}: unable to write ${JSON.stringify(value)} to ${path}/${file}: ${reasonOf(error)}`,
    {
      pointer: origin,
      errno,
      hint: explained?.hint,
      cause: error,
    },
  );
}

/** What the kernel means by an errno, by file; the first that fits. */
const explanations: readonly { when: readonly string[]; files: RegExp; hint: string }[] = [
  {
    when: ["EINVAL", "ERANGE"],
    files: /^cpu\.weight$/,
    hint: "weights are 1 to 10000, and an idle cgroup (cpu.idle 1) has none",
  },
  {
    when: ["EINVAL"],
    files: /^cpu\.max$/,
    hint: "quota is at least 1000 and not below the burst, period 1000 to 1000000 (microseconds)",
  },
  { when: ["EINVAL"], files: /^cpu\.max\.burst$/, hint: "burst is at most the quota" },
  { when: ["EINVAL", "ERANGE"], files: /^cpu\.idle$/, hint: "idle is 0 or 1" },
  {
    when: ["EINVAL", "ERANGE", "ENOSPC", "EACCES", "ENODEV"],
    files: /^cpuset\./,
    hint: "lists look like 0-3,5 and name CPUs or memory nodes that exist and that the parent cgroup has (cpuset.cpus.effective)",
  },
  {
    when: ["EINVAL", "ERANGE"],
    files: /^pids\.max$/,
    hint: 'pids.max takes 0 to 4194304, or "max"',
  },
  {
    when: ["ENODEV"],
    files: /^io\./,
    hint: "there is no such block device: give the major and minor of a whole disk",
  },
  {
    when: ["EINVAL", "ERANGE"],
    files: /^io\.(bfq\.)?weight$/,
    hint: "blkio weights are 10 to 1000 (BFQ: 1 to 1000, io.weight: 1 to 10000)",
  },
  { when: ["EINVAL", "ERANGE"], files: /^io\.max$/, hint: "rates are at least 1" },
  {
    when: ["EBUSY", "EINVAL"],
    files: /^memory\.max$/,
    hint: 'a limit is a number of bytes or "max", and more than what cannot be reclaimed',
  },
  { when: ["EINVAL"], files: /^memory\./, hint: 'values are bytes, or "max"' },
  { when: ["EINVAL"], files: /^hugetlb\./, hint: "limits are bytes" },
  {
    when: ["EINVAL", "ENODEV"],
    files: /^rdma\.max$/,
    hint: "the device is one of /sys/class/infiniband",
  },
  {
    when: ["EACCES", "EPERM"],
    files: /./,
    hint: "the cgroup belongs to another user: run as root, or below a cgroup that is delegated to you",
  },
];
