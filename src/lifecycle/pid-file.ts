import { closeSync, openSync, renameSync, unlinkSync, writeSync } from "node:fs";
import { basename, dirname, join } from "node:path";

import { TsrunError } from "../errors.ts";
import { reasonOf } from "../errno.ts";

/**
 * Writes a pid for whoever waits for it: only the number, no newline, and never a part of it (callers
 * poll the file). A left-over temporary file of another writer is an error, as it is with runc.
 */
export function writePidFile(file: string, pid: number): void {
  const temporary = join(dirname(file), `.${basename(file)}`);
  try {
    const fd = openSync(temporary, "wx", 0o666);
    try {
      writeSync(fd, String(pid));
    } finally {
      closeSync(fd);
    }
    try {
      renameSync(temporary, file);
    } catch (error) {
      unlinkSync(temporary);
      throw error;
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new TsrunError("HOST", `cannot write the pid file ${file}: ${reasonOf(error)}`, {
      errno: code,
      cause: error,
      hint:
        code === "EEXIST" ? `remove ${temporary}, which an interrupted command left` : undefined,
    });
  }
}
