// Flags of the commands that make containers, alone and together.
import type { Flag } from "../command.ts";

export const bundleFlag = {
  name: "bundle",
  aliases: ["b"],
  kind: "string",
  value: "DIR",
  description: "directory of config.json (default: the current directory)",
} as const satisfies Flag;

export const consoleSocketFlag = {
  name: "console-socket",
  kind: "string",
  value: "SOCKET",
  description: "AF_UNIX socket that receives the terminal's master end",
} as const satisfies Flag;

export const pidFileFlag = {
  name: "pid-file",
  kind: "string",
  value: "FILE",
  description: "write the process id of the container's process to FILE",
} as const satisfies Flag;

export const noPivotFlag = {
  name: "no-pivot",
  kind: "bool",
  description: "do not use pivot_root; for a root file system on a ramdisk",
} as const satisfies Flag;

export const detachFlag = {
  name: "detach",
  aliases: ["d"],
  kind: "bool",
  description: "return once the container's process is started",
} as const satisfies Flag;

export const noSubreaperFlag = {
  name: "no-subreaper",
  kind: "bool",
  description: "do not adopt the orphans of the container's processes",
} as const satisfies Flag;

export const creationFlags = [
  bundleFlag,
  {
    name: "config",
    aliases: ["f"],
    kind: "string",
    value: "FILE",
    description: "another file than config.json in the bundle",
  },
  consoleSocketFlag,
  {
    name: "pidfd-socket",
    kind: "string",
    value: "SOCKET",
    description: "AF_UNIX socket that receives a pidfd of the container's process",
  },
  pidFileFlag,
  noPivotFlag,
  {
    name: "no-new-keyring",
    kind: "bool",
    description: "keep the caller's session keyring instead of a new one",
  },
  {
    name: "preserve-fds",
    kind: "int",
    value: "N",
    default: 0,
    minimum: 0,
    description: "pass N more file descriptors, from 3 (behind those of LISTEN_FDS)",
  },
] as const satisfies readonly Flag[];
