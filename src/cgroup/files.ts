import {
  closeSync,
  constants,
  openSync,
  readFileSync,
  readSync,
  readdirSync,
  writeSync,
} from "node:fs";

/** Writes to a cgroup file: the value in one write(2), no creation, no truncation. */
export function writeCgroupFile(path: string, value: string): void {
  const fd = openSync(path, constants.O_WRONLY);
  try {
    writeSync(fd, value);
  } finally {
    closeSync(fd);
  }
}

/** The text of a cgroup file; undefined when it, or the whole cgroup, is not there (any more). */
export function readCgroupFile(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENODEV", "ENOTDIR")) return undefined;
    throw error;
  }
}

/** Names of the cgroups directly below; none when it is gone. */
export function listChildren(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENODEV")) return [];
    throw error;
  }
}

/** Whether it is a system error with one of these names. */
export function isErrno(
  error: unknown,
  ...names: readonly string[]
): error is NodeJS.ErrnoException {
  return names.includes(errnoOf(error));
}

/** The errno name of a system error, "" of anything else. */
export function errnoOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === "string" ? code : "";
}

/** The text of an open file of a cgroup; "" when the cgroup is gone. */
export function readAgain(fd: number): string {
  const bytes = Buffer.allocUnsafe(4096);
  try {
    return bytes.toString("latin1", 0, readSync(fd, bytes, 0, bytes.length, 0));
  } catch (error) {
    if (isErrno(error, "ENODEV")) return "";
    throw error;
  }
}
