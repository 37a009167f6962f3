import { existsSync, mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Makes a directory and what is missing above it. Not by mkdirSync's own `recursive`: that never ends in a directory
 * that takes nothing new and says ENOENT, as those of procfs do.
 */
export function makeDirectories(path: string, mode: number): void {
  if (isDirectory(path)) return;
  const parent = dirname(path);
  if (parent !== path && !existsSync(parent)) makeDirectories(parent, mode);
  try {
    mkdirSync(path, mode);
  } catch (error) {
    // someone else was faster
    if ((error as NodeJS.ErrnoException).code !== "EEXIST" || !isDirectory(path)) throw error;
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
