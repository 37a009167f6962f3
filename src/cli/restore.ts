import { resolve } from "node:path";

import { restoreContainer } from "../lifecycle/restore.ts";
import { imagePath, sharedOptions, warnWithoutRoot } from "./checkpoint.ts";
import { readCgroupDriver, readRootless } from "./creation.ts";
import type { Invocation } from "./invocation.ts";
import { preparePersonalRoot } from "./root.ts";

/** tsrun restore */
export function restore({ args, flags, globals, root, log }: Invocation<"restore">): number {
  warnWithoutRoot(log.warn);
  preparePersonalRoot(root);
  return restoreContainer({
    root: root.path,
    id: args[0]!,
    bundle: flags.bundle || ".",
    pidFile: flags["pid-file"] || undefined,
    consoleSocket: flags["console-socket"] || undefined,
    noPivot: flags["no-pivot"],
    noNewKeyring: true,
    preserveFds: 0,
    ...readCgroupDriver(globals),
    rootless: readRootless(globals.rootless),
    warn: log.warn,
    imagePath: imagePath(flags["image-path"]),
    workPath: flags["work-path"] ? resolve(flags["work-path"]) : undefined,
    detach: flags.detach,
    noSubreaper: flags["no-subreaper"],
    criu: {
      ...sharedOptions(flags),
      lsmProfile: flags["lsm-profile"] || undefined,
      lsmMountContext: flags["lsm-mount-context"] || undefined,
      tcpClose: flags["tcp-close"],
    },
  });
}
