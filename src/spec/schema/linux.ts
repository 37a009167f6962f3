import {
  deviceTypes,
  memoryPolicyFlags,
  memoryPolicyModes,
  namespaces as namespaceTypes,
  personalityDomains,
  rootfsPropagations,
} from "../tables.ts";
import type { Device, Linux, NamespaceType } from "../types.ts";
import { type Build, leaves, list, mapOf, object, type Schema } from "./blocks.ts";
import { bool, int, int64, oneOf, text, texts, uint32 } from "./leaves.ts";
import { idMappings } from "./mounts.ts";
import { resources } from "./resources.ts";
import { seccomp } from "./seccomp.ts";

type Part<K extends keyof Linux> = NonNullable<Linux[K]>;
type Namespace = Part<"namespaces">[number];
type TimeOffset = Part<"timeOffsets">[string];

const namespace = object<Namespace>(
  { type: oneOf(namespaceTypes) as Schema<NamespaceType>, path: text },
  ["type"],
);

const device: Build<Device> = (value, mode) =>
  object<Device>(
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
  )(value, mode);

const intelRdt = object<Part<"intelRdt">>({
  closID: text,
  schemata: texts,
  l3CacheSchema: text,
  memBwSchema: text,
  enableMonitoring: bool,
});

const memoryPolicy: Build<Part<"memoryPolicy">> = (value, mode) =>
  object<Part<"memoryPolicy">>(
    { mode: oneOf(memoryPolicyModes), nodes: text, flags: leaves(oneOf(memoryPolicyFlags)) },
    ["mode"],
  )(value, mode);

const personality: Build<Part<"personality">> = (value, mode) =>
  object<Part<"personality">>({ domain: oneOf(personalityDomains), flags: texts }, ["domain"])(value, mode);

/** config-linux.md */
export const linux: Build<Linux> = object<Linux>({
  uidMappings: idMappings,
  gidMappings: idMappings,
  sysctl: mapOf(text),
  resources,
  cgroupsPath: text,
  namespaces: list(namespace),
  devices: list(device),
  netDevices: mapOf(object<Part<"netDevices">[string]>({ name: text })),
  seccomp,
  // "" is unset.
  rootfsPropagation: oneOf(["", ...Object.keys(rootfsPropagations)]),
  maskedPaths: texts,
  readonlyPaths: texts,
  mountLabel: text,
  intelRdt,
  memoryPolicy,
  personality,
  timeOffsets: mapOf(object<TimeOffset>({ secs: int64, nanosecs: uint32 })),
});
