import { posix } from "node:path";
import { CLONE_NEWNS, CLONE_NEWUSER, S_IFBLK, S_IFCHR, S_IFIFO } from "../linux.ts";
import type { Device, Spec } from "../spec/types.ts";
import { TsrunError } from "../errors.ts";
import { describe, type CreateContext } from "./context.ts";
import { isBind } from "./mount-options.ts";
import type { PlannedOp } from "./plan.ts";
import { releaseSlot, openSource } from "./sources.ts";

/** What every container finds in /dev: [name, major, minor]. */
const defaultDevices: readonly (readonly [string, number, number])[] = [
  ["null", 1, 3],
  ["zero", 1, 5],
  ["full", 1, 7],
  ["random", 1, 8],
  ["urandom", 1, 9],
  ["tty", 5, 0],
];

const defaultLinks: readonly (readonly [string, string])[] = [
  ["/dev/fd", "/proc/self/fd"],
  ["/dev/stdin", "/proc/self/fd/0"],
  ["/dev/stdout", "/proc/self/fd/1"],
  ["/dev/stderr", "/proc/self/fd/2"],
];

const fileTypes: Record<string, number> = { c: S_IFCHR, u: S_IFCHR, b: S_IFBLK, p: S_IFIFO };

/** Whether tsrun fills /dev: not when the bundle binds a /dev of its own. */
export function fillsDev({ mounts = [] }: Spec): boolean {
  return !mounts.some((mount) => isBind(mount) && posix.resolve("/", mount.destination) === "/dev");
}

/** The default devices are there, but for a user namespace that has no mounts to bind them. */
export function hasDefaultDevices(context: CreateContext): boolean {
  return fillsDev(context.spec) && (!isBound(context) || hasMounts(context));
}

/** Device nodes and links below /dev. */
export function planDevices(context: CreateContext): PlannedOp[] {
  if (!fillsDev(context.spec)) return [];
  const own = context.spec.linux?.devices ?? [];
  const ops = hasDefaultDevices(context) ? planDefaults(context, own) : [];
  for (const [index, device] of own.entries()) {
    ops.push(...planDevice(context, device, `/linux/devices/${index}`));
  }
  return [...ops, ...planLinks(context)];
}

/** Paths of the device nodes that are binds of the host's nodes at the same paths. */
export function listBoundDevices(
  spec: Spec,
  context: Pick<CreateContext, "namespaces" | "facts">,
): string[] {
  if (!isBound(context) || !fillsDev(spec)) return [];
  const own = (spec.linux?.devices ?? []).filter(({ type }) => type !== "p");
  const paths = own.map(({ path }) => posix.resolve("/", path));
  return [...new Set([...defaultDevices.map(([name]) => `/dev/${name}`), ...paths])];
}

function planDefaults(context: CreateContext, own: readonly Device[]): PlannedOp[] {
  const replaced = new Set(own.map((device) => posix.resolve("/", device.path)));
  return defaultDevices
    .filter(([name]) => !replaced.has(`/dev/${name}`))
    .flatMap(([name, major, minor]) =>
      planDevice(context, { type: "c", path: `/dev/${name}`, major, minor, fileMode: 0o666 }, ""),
    );
}

function planDevice(context: CreateContext, device: Device, origin: string): PlannedOp[] {
  const { type, major = 0, minor = 0, uid = 0, gid = 0 } = device;
  const path = posix.resolve("/", device.path);
  const what = `create device ${path} (${type} ${major}:${minor})`;
  const root = context.root;
  if (isBound(context) && type !== "p") {
    if (!hasMounts(context)) {
      throw new TsrunError(
        "CONFIG_INVALID",
        `device ${path}: device nodes in a user namespace need a mount namespace`,
        { pointer: origin, hint: 'add {"type": "mount"} to linux.namespaces' },
      );
    }
    const bindWhat = `bind device ${path} of the host`;
    const ops: PlannedOp[] = [];
    const slot = openSource(context, ops, { path, recursive: false, origin, what: bindWhat });
    ops.push(...describe(origin, bindWhat, { op: "bind_device", root, path, slot }));
    return [...ops, ...releaseSlot(context, slot, origin, bindWhat)];
  }
  const permissions = (device.fileMode ?? 0o666) & 0o7777;
  const mode = (fileTypes[type] ?? S_IFCHR) | permissions;
  return describe(origin, what, { op: "mknod", root, path, mode, major, minor, uid, gid });
}

function planLinks({ root, facts, spec }: CreateContext): PlannedOp[] {
  const links = [...defaultLinks];
  if (facts.kcore) links.push(["/dev/core", "/proc/kcore"]);
  const link = (op: "symlink" | "replace_link", path: string, to: string): PlannedOp[] =>
    describe("", `link ${path} to ${to}`, { op, root, path, to });
  // A /dev/ptmx of the image would be the terminals of the host, or none.
  const ptmx = hasEmptyDev(spec) ? "symlink" : "replace_link";
  return [
    ...links.flatMap(([path, to]) => link("symlink", path, to)),
    ...link(ptmx, "/dev/ptmx", "pts/ptmx"),
  ];
}

function hasEmptyDev({ mounts = [] }: Spec): boolean {
  return mounts.some(
    ({ destination, options = [] }) =>
      posix.resolve("/", destination) === "/dev" && !options.includes("tmpcopyup"),
  );
}

/** In a user namespace mknod is not allowed: devices are binds of the host's nodes. */
function isBound({ namespaces, facts }: Pick<CreateContext, "namespaces" | "facts">): boolean {
  return facts.inUserNamespace || (namespaces.all & CLONE_NEWUSER) !== 0;
}

function hasMounts({ namespaces }: CreateContext): boolean {
  return (namespaces.all & CLONE_NEWNS) !== 0;
}
