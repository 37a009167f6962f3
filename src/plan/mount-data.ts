import { MS_I_VERSION, MS_RDONLY, MS_REMOUNT } from "../linux.ts";
import type { MountOptions } from "./mount-options.ts";

/** File systems of the kernel itself: read-only is a matter of their mounts, other containers share them. */
const kernelTypes: ReadonlySet<string> = new Set([
  "cgroup2",
  "devpts",
  "mqueue",
  "proc",
  "sysfs",
  "tmpfs",
]);

/** Flags that change nothing but what the kernel logs, or that are the default. */
const withoutEffect: ReadonlySet<string> = new Set(["silent", "loud", "noiversion"]);

/** fsconfig(2) takes values of up to 255 bytes. */
const longestValue = 255;

/** All options of a new file system for fsconfig(2), or null when only mount(2) can take them. */
export function fileSystemOptions(type: string, options: MountOptions): readonly string[] | null {
  if ((options.flags & (MS_REMOUNT | MS_I_VERSION)) !== 0) return null;
  const data = dataOptions(type, options.data);
  if (data === null) return null;
  const readonly = (options.flags & MS_RDONLY) !== 0 && !kernelTypes.has(type) ? ["ro"] : [];
  return [...readonly, ...options.superblock.filter((flag) => !withoutEffect.has(flag)), ...data];
}

function dataOptions(type: string, data: readonly string[]): readonly string[] | null {
  const long = data.some((option) => valueLength(option) > longestValue);
  const compound = data.some((option) => option.includes(","));
  if (!long && !compound) return data;
  if (long || !kernelTypes.has(type)) return null;
  // As the kernel does it: a comma before a digit belongs to the node list of mpol=.
  return data.flatMap((option) => option.split(/,(?![0-9])/)).filter((option) => option !== "");
}

function valueLength(option: string): number {
  const start = option.indexOf("=");
  return start < 0 ? 0 : Buffer.byteLength(option.slice(start + 1));
}
