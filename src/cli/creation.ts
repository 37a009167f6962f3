import { TsrunError } from "../errors.ts";
import type { CreateOptions } from "../lifecycle/prepare.ts";
import type { Invocation } from "./invocation.ts";
import { readBool } from "./parse.ts";
import { preparePersonalRoot } from "./root.ts";

/** What `create` and `run` have in common. */
export function creationOptions(
  invocation: Invocation<"create"> | Invocation<"run">,
): CreateOptions {
  const { flags, globals, args, log, root } = invocation;
  preparePersonalRoot(root);
  return {
    root: root.path,
    id: args[0]!,
    bundle: flags.bundle || ".",
    pidFile: flags["pid-file"] || undefined,
    consoleSocket: flags["console-socket"] || undefined,
    pidfdSocket: flags["pidfd-socket"] || undefined,
    noPivot: flags["no-pivot"],
    noNewKeyring: flags["no-new-keyring"],
    preserveFds: flags["preserve-fds"],
    systemdCgroup: globals["systemd-cgroup"],
    rootless: readRootless(globals.rootless),
    warn: log.warn,
  };
}

/** --rootless as runc reads it: a boolean in Go's spelling, or auto. */
export function readRootless(text: string): "true" | "false" | "auto" {
  if (text === "" || text.toLowerCase() === "auto") return "auto";
  const value = readBool(text);
  if (value !== undefined) return value ? "true" : "false";
  throw new TsrunError("USAGE", `invalid value ${JSON.stringify(text)} for --rootless`, {
    hint: "it is true, false or auto",
  });
}
