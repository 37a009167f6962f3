import {
  deviceTypes,
  memoryPolicyFlags,
  memoryPolicyModes,
  namespaces as namespaceTypes,
  personalityDomains,
  rootfsPropagations,
} from "../tables.ts";
import type { Device, Linux, NamespaceType } from "../types.ts";
import { type Field, list, mapOf, object } from "./blocks.ts";
import { bool, int, int64, oneOf, oneOfOrEmpty, text, texts, uint32 } from "./leaves.ts";
import { idMappings } from "./mounts.ts";
import { resources } from "./resources.ts";
import { seccomp } from "./seccomp.ts";

type Part<K extends keyof Linux> = NonNullable<Linux[K]>;

const namespace = object<Part<"namespaces">[number]>(
  { type: oneOf(namespaceTypes) as Field<NamespaceType>, path: text },
  ["type"],
);

const device = object<Device>(
  {
    type: oneOf(deviceTypes),
    path: text,
    major: int,
    minor: int,
    fileMode: uint32,
    uid: uint32,
    gid: uint32,
  },
  ["type", "path"],
);

const intelRdt = object<Part<"intelRdt">>({
  closID: text,
  schemata: texts,
  l3CacheSchema: text,
  memBwSchema: text,
  enableMonitoring: bool,
});

const memoryPolicy = object<Part<"memoryPolicy">>(
  { mode: oneOf(memoryPolicyModes), nodes: text, flags: list(oneOf(memoryPolicyFlags)) },
  ["mode"],
);

const personality = object<Part<"personality">>(
  { domain: oneOf(personalityDomains), flags: texts },
  ["domain"],
);

/** config-linux.md */
export const linux: Field<Linux> = object<Linux>({
  uidMappings: idMappings,
  gidMappings: idMappings,
  sysctl: mapOf(text),
  resources,
  cgroupsPath: text,
  namespaces: list(namespace),
  devices: list(device),
  netDevices: mapOf(object<Part<"netDevices">[string]>({ name: text })),
  seccomp,
  rootfsPropagation: oneOfOrEmpty(rootfsPropagations),
  maskedPaths: texts,
  readonlyPaths: texts,
  mountLabel: text,
  intelRdt,
  memoryPolicy,
  personality,
  timeOffsets: mapOf(object<Part<"timeOffsets">[string]>({ secs: int64, nanosecs: uint32 })),
});
