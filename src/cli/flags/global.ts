import type { Flag } from "../command.ts";

export const globalFlags = [
  {
    name: "root",
    kind: "string",
    value: "DIR",
    description: "directory for the state of containers, on a tmpfs (default: /run/tsrun)",
  },
  {
    name: "log",
    kind: "string",
    value: "FILE",
    description: "append log records to FILE instead of stderr",
  },
  {
    name: "log-format",
    kind: "string",
    value: "FORMAT",
    default: "text",
    description: "format of log records: text or json",
  },
  { name: "debug", kind: "bool", description: "log what is done, and where an error comes from" },
  {
    name: "systemd-cgroup",
    kind: "bool",
    description: 'let systemd make the cgroup; cgroupsPath is then "slice:prefix:name"',
  },
  {
    name: "rootless",
    kind: "string",
    value: "WHEN",
    default: "auto",
    description: "do without rights to the host's cgroups: true, false or auto",
  },
  {
    name: "criu",
    kind: "string",
    value: "PATH",
    hidden: true,
    description: "accepted and without effect: criu is found through PATH",
  },
] as const satisfies readonly Flag[];
