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
    value: "WHERE",
    description:
      "append log records to a file instead of stderr: FILE or file:FILE; or send them: syslog:TAG, journald:TAG",
  },
  {
    name: "log-format",
    kind: "string",
    value: "FORMAT",
    default: "text",
    description: "format of log records: text or json",
  },
  {
    name: "log-level",
    kind: "string",
    value: "LEVEL",
    description: "log no less than error, warning (default) or debug, which is --debug",
  },
  { name: "debug", kind: "bool", description: "log what is done, and where an error comes from" },
  {
    name: "systemd-cgroup",
    kind: "bool",
    description: 'let systemd make the cgroup; cgroupsPath is then "slice:prefix:name"',
  },
  {
    name: "cgroup-manager",
    kind: "string",
    value: "WHICH",
    description:
      "who makes the cgroup: cgroupfs (tsrun itself, default), systemd (as --systemd-cgroup), or disabled: there is none",
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
