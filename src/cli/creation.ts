import { resolve } from "node:path";

import { TsrunError } from "../errors.ts";
import type { CreateOptions } from "../lifecycle/prepare.ts";
import type { Invocation } from "./invocation.ts";
import { readBool } from "./parse.ts";
import type { GlobalValues } from "./program.ts";
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
    config: configFile(flags.config ?? ""),
    pidFile: flags["pid-file"] || undefined,
    consoleSocket: flags["console-socket"] || undefined,
    pidfdSocket: flags["pidfd-socket"] || undefined,
    noPivot: flags["no-pivot"],
    noNewKeyring: flags["no-new-keyring"],
    preserveFds: flags["preserve-fds"],
    ...readCgroupDriver(globals),
    rootless: readRootless(globals.rootless),
    warn: log.warn,
  };
}

/** --config: as crun has it, only the usual name is meant in the bundle, any other from the current directory. */
function configFile(given: string): string | undefined {
  return given === "" || given === "config.json" ? undefined : resolve(given);
}

/** Who makes the cgroup; --cgroup-manager, when it is given, says more than --systemd-cgroup. */
export function readCgroupDriver(globals: GlobalValues): {
  systemdCgroup: boolean;
  noCgroup: boolean;
} {
  const which = globals["cgroup-manager"] || (globals["systemd-cgroup"] ? "systemd" : "cgroupfs");
  if (!["cgroupfs", "systemd", "disabled"].includes(which)) {
    throw new TsrunError("USAGE", `unknown cgroup manager ${JSON.stringify(which)}`, {
      hint: "--cgroup-manager is cgroupfs, systemd or disabled",
    });
  }
  return { systemdCgroup: which === "systemd", noCgroup: which === "disabled" };
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
