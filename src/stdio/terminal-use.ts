import { TsrunError } from "../errors.ts";
import type { Spec } from "../spec/types.ts";

/** Terminals and console sockets go together in four ways, of which two make no sense. */
export function checkTerminal(
  spec: Pick<Spec, "process">,
  options: { readonly consoleSocket?: string },
  mode: { readonly detach: boolean },
): void {
  const terminal = spec.process?.terminal === true;
  const socket = options.consoleSocket !== undefined && options.consoleSocket !== "";
  if (terminal && mode.detach && !socket) {
    throw new TsrunError(
      "CONSOLE",
      "cannot allocate tty if runc will detach without setting console socket",
      {
        pointer: "/process/terminal",
        hint: "give --console-socket, or run in the foreground",
      },
    );
  }
  if (socket && !(terminal && mode.detach)) {
    throw new TsrunError(
      "CONSOLE",
      "cannot use console socket if runc will not detach or allocate tty",
      {
        pointer: "/process/terminal",
      },
    );
  }
}
