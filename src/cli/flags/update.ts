import type { Flag } from "../command.ts";

export const updateFlags = [
  {
    name: "resources",
    aliases: ["r"],
    kind: "string",
    value: "FILE",
    description:
      "read linux.resources as JSON from FILE, or from stdin (-); other limits are not read then",
  },
  {
    name: "blkio-weight",
    kind: "int",
    value: "N",
    description: "relative weight of block io, 10 to 1000",
  },
  {
    name: "cpu-period",
    kind: "string",
    value: "US",
    description: "period of the quota, in microseconds",
  },
  {
    name: "cpu-quota",
    kind: "string",
    value: "US",
    description: "time on CPUs in each period, in microseconds; -1 is no limit",
  },
  {
    name: "cpu-burst",
    kind: "string",
    value: "US",
    description: "unused time that may be saved for later, in microseconds",
  },
  {
    name: "cpu-share",
    kind: "string",
    value: "N",
    description: "relative weight of CPU time, 2 to 262144",
  },
  {
    name: "cpu-rt-period",
    kind: "string",
    value: "US",
    description: "period of realtime processes (cgroup v1 only)",
  },
  {
    name: "cpu-rt-runtime",
    kind: "string",
    value: "US",
    description: "time of realtime processes (cgroup v1 only)",
  },
  { name: "cpuset-cpus", kind: "string", value: "LIST", description: "CPUs to use, such as 0-3,7" },
  { name: "cpuset-mems", kind: "string", value: "LIST", description: "memory nodes to use" },
  {
    name: "cpu-idle",
    kind: "string",
    value: "0|1",
    description: "1: run only when no one else wants the CPU",
  },
  {
    name: "kernel-memory",
    kind: "string",
    value: "SIZE",
    hidden: true,
    description: "limit of kernel memory, which Linux no longer has",
  },
  {
    name: "kernel-memory-tcp",
    kind: "string",
    value: "SIZE",
    hidden: true,
    description: "limit of TCP buffers, which cgroup v2 does not have",
  },
  { name: "memory", kind: "string", value: "SIZE", description: "memory limit" },
  {
    name: "memory-reservation",
    kind: "string",
    value: "SIZE",
    description: "memory that is kept from reclaim",
  },
  {
    name: "memory-swap",
    kind: "string",
    value: "SIZE",
    description: "limit of memory and swap together",
  },
  { name: "pids-limit", kind: "int", value: "N", description: "number of processes and threads" },
  {
    name: "l3-cache-schema",
    kind: "string",
    value: "SCHEMA",
    description: "L3 cache allocation (Intel RDT/CAT)",
  },
  {
    name: "mem-bw-schema",
    kind: "string",
    value: "SCHEMA",
    description: "memory bandwidth allocation (Intel RDT/MBA)",
  },
] as const satisfies readonly Flag[];
