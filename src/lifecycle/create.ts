import { discard, makeContainer, release } from "./make.ts";
import { writePidFile } from "./pid-file.ts";
import { type CreateOptions, prepare } from "./prepare.ts";

export type { CreateOptions } from "./prepare.ts";

/** Makes a container whose init waits for `start`. */
export function createContainer(options: CreateOptions): void {
  const intent = prepare(options, { start: "fifo", detach: true });
  const made = makeContainer(intent, [0, 1, 2]);
  try {
    if (intent.pidFile !== undefined) writePidFile(intent.pidFile, made.pid);
  } catch (error) {
    discard(made);
    throw error;
  }
  release(made);
  made.warnings.forEach(options.warn);
}
