// Fields that the specification does not have: `create` has to pass over them, `validate` shows them.
import type { Issue } from "./issue.ts";
import { nearest } from "./nearest.ts";
import { otherPlatforms } from "./rules/linux.ts";
import { isObject } from "./json.ts";
import type { Schema } from "./schema/blocks.ts";
import { spec } from "./schema/spec.ts";
import { schemaOf } from "./schema/zod.ts";

type Definition = {
  type: string;
  shape?: Record<string, Schema>;
  element?: Schema;
  innerType?: Schema;
  valueType?: Schema;
};

/** Where else a field of this name belongs, and its name there. */
type Home = { name: string; path: string };

// Sections that people look for elsewhere; names as they are, and where they are.
const homes: Readonly<Record<string, string>> = {
  args: "process.args",
  env: "process.env",
  cwd: "process.cwd",
  user: "process.user",
  terminal: "process.terminal",
  capabilities: "process.capabilities",
  rlimits: "process.rlimits",
  noNewPrivileges: "process.noNewPrivileges",
  oomScoreAdj: "process.oomScoreAdj",
  apparmorProfile: "process.apparmorProfile",
  selinuxLabel: "process.selinuxLabel",
  namespaces: "linux.namespaces",
  uidMappings: "linux.uidMappings",
  gidMappings: "linux.gidMappings",
  resources: "linux.resources",
  cgroupsPath: "linux.cgroupsPath",
  seccomp: "linux.seccomp",
  devices: "linux.devices",
  maskedPaths: "linux.maskedPaths",
  readonlyPaths: "linux.readonlyPaths",
  rootfsPropagation: "linux.rootfsPropagation",
  sysctl: "linux.sysctl",
  mountLabel: "linux.mountLabel",
  hooks: "hooks",
  mounts: "mounts",
  annotations: "annotations",
  hostname: "hostname",
};

// Names that fields had in drafts of the specification, or have in other tools.
const renamed: Readonly<Record<string, string>> = {
  version: "ociVersion",
  "process.selinuxProcessLabel": "selinuxLabel",
  "process.additionalGids": "user.additionalGids",
  "process.workdir": "cwd",
  "process.workingDir": "cwd",
  "process.command": "args",
  "process.environment": "env",
  "linux.resources.pids.max": "limit",
  "linux.resources.cpu.cpuset": "cpus",
  "linux.resources.disableOOMKiller": "memory.disableOOMKiller",
  "linux.resources.oomScoreAdj": "process.oomScoreAdj",
  "linux.seccomp.syscalls.name": "names",
  "linux.seccomp.syscalls.errno": "errnoRet",
  "linux.devices.permissions": "resources.devices[].access",
  "mounts.target": "destination",
  "mounts.src": "source",
  "mounts.dst": "destination",
  "mounts.fstype": "type",
};

/** A warning for every field that no section of the specification has. */
export function findUnknownKeys(value: unknown): Issue[] {
  const issues: Issue[] = [];
  walk({ value, schema: schemaOf(spec), pointer: "", path: [] }, issues);
  return issues;
}

type Place = { value: unknown; schema: Schema; pointer: string; path: readonly string[] };

function walk({ value, schema, pointer, path }: Place, issues: Issue[]): void {
  const { type, shape, element, innerType, valueType } = (schema as unknown as { def: Definition })
    .def;
  const below = (key: string, inner: Schema, named: boolean): void =>
    walk(
      {
        value: (value as Record<string, unknown>)[key],
        schema: inner,
        pointer: `${pointer}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`,
        path: named ? [...path, key] : path,
      },
      issues,
    );
  if (type === "optional" && innerType) walk({ value, schema: innerType, pointer, path }, issues);
  else if (type === "array" && element && Array.isArray(value)) {
    for (const index of value.keys()) below(String(index), element, false);
  } else if (type === "record" && valueType && isObject(value)) {
    for (const key of Object.keys(value)) below(key, valueType, false);
  } else if (type === "object" && shape && isObject(value)) {
    for (const key of Object.keys(value)) {
      const inner = Object.hasOwn(shape, key) ? shape[key] : undefined;
      if (inner) below(key, inner, true);
      else unknownKey({ key, known: Object.keys(shape), pointer, path }, issues);
    }
  }
}

type Unknown = { key: string; known: readonly string[]; pointer: string; path: readonly string[] };

function unknownKey({ key, known, pointer, path }: Unknown, issues: Issue[]): void {
  if (
    isVendorName(key) ||
    (path.length === 0 && (otherPlatforms as readonly string[]).includes(key))
  )
    return;
  issues.push({
    severity: "warning",
    rule: "unknown-key",
    pointer: `${pointer}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`,
    message: "is not a field of the specification and is ignored",
    hint: hintFor({ key, known, path }),
    section: "config.md#extensibility",
  });
}

function hintFor({ key, known, path }: Omit<Unknown, "pointer">): string | undefined {
  const old = renamed[[...path, key].join(".")];
  if (old !== undefined) return `it is called ${JSON.stringify(old)}`;
  const near = nearest(key, known);
  if (near !== undefined) return `did you mean ${JSON.stringify(near)}?`;
  const home = homeOf(key);
  if (home !== undefined && home.path !== [...path, home.name].join("."))
    return `did you mean ${home.path}?`;
  return undefined;
}

function homeOf(key: string): Home | undefined {
  const name = Object.keys(homes).find(
    (candidate) => candidate.toLowerCase() === key.toLowerCase(),
  );
  return name === undefined ? undefined : { name, path: homes[name]! };
}

/** Names with a domain, such as com.example.thing, or an x- in front belong to whoever made them up. */
function isVendorName(key: string): boolean {
  return key.includes(".") || key.includes("/") || /^(?:x-|_|\$)/i.test(key);
}
