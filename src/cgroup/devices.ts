import { TsrunError } from "../errors.ts";
import type { DeviceRule, Linux } from "../spec/types.ts";

export const ACCESS_MKNOD = 1;
export const ACCESS_READ = 2;
export const ACCESS_WRITE = 4;
export const ACCESS_ALL = ACCESS_MKNOD | ACCESS_READ | ACCESS_WRITE;

export type DeviceType = "char" | "block";

/** A device rule in the kernel's terms; `major` or `minor` null is any. */
export type DeviceAccess = {
  readonly allow: boolean;
  readonly type: DeviceType;
  readonly major: number | null;
  readonly minor: number | null;
  readonly access: number;
};

/**
 * What every container may do, after all rules of config.json: make any device node (opening it is
 * another matter), and use the devices of its own /dev. A node that config.json defines anew is left out.
 */
const defaults: readonly (DeviceAccess & { readonly path?: string })[] = [
  { allow: true, type: "char", major: null, minor: null, access: ACCESS_MKNOD },
  { allow: true, type: "block", major: null, minor: null, access: ACCESS_MKNOD },
  { path: "/dev/null", allow: true, type: "char", major: 1, minor: 3, access: ACCESS_ALL },
  { path: "/dev/random", allow: true, type: "char", major: 1, minor: 8, access: ACCESS_ALL },
  { path: "/dev/full", allow: true, type: "char", major: 1, minor: 7, access: ACCESS_ALL },
  { path: "/dev/tty", allow: true, type: "char", major: 5, minor: 0, access: ACCESS_ALL },
  { path: "/dev/zero", allow: true, type: "char", major: 1, minor: 5, access: ACCESS_ALL },
  { path: "/dev/urandom", allow: true, type: "char", major: 1, minor: 9, access: ACCESS_ALL },
  // The container's own /dev/pts, /dev/ptmx and /dev/console.
  { allow: true, type: "char", major: 136, minor: null, access: ACCESS_ALL },
  { allow: true, type: "char", major: 5, minor: 2, access: ACCESS_ALL },
  // /dev/net/tun: engines count on it.
  { allow: true, type: "char", major: 10, minor: 200, access: ACCESS_ALL },
];

/** All rules for a container in order: those of config.json, then the defaults. What no rule names is denied. */
export function listDeviceRules(linux: Linux | undefined): DeviceAccess[] {
  const own = (linux?.resources?.devices ?? []).flatMap((rule, index) =>
    parseRule(rule, `/linux/resources/devices/${index}`),
  );
  const redefined = new Set(linux?.devices?.map(({ path }) => path));
  const standard = defaults
    .filter(({ path }) => path === undefined || !redefined.has(path))
    .map(({ allow, type, major, minor, access }) => ({ allow, type, major, minor, access }));
  return [...own, ...standard];
}

function parseRule(rule: DeviceRule, pointer: string): DeviceAccess[] {
  const { allow } = rule;
  const access = parseAccess(rule, pointer);
  const [major, minor] = [
    parseNumber(rule.major, `${pointer}/major`),
    parseNumber(rule.minor, `${pointer}/minor`),
  ];
  return parseTypes(rule.type, pointer).map((type) => ({ allow, type, major, minor, access }));
}

function parseTypes(type: string | undefined, pointer: string): DeviceType[] {
  switch (type || "a") {
    case "a":
      return ["char", "block"];
    case "c":
      return ["char"];
    case "b":
      return ["block"];
    default:
      throw new TsrunError("CONFIG_INVALID", `invalid cgroup device type ${JSON.stringify(type)}`, {
        pointer: `${pointer}/type`,
        hint: 'use "a" (all), "c" (character) or "b" (block)',
      });
  }
}

const accessBits: Readonly<Record<string, number>> = {
  r: ACCESS_READ,
  w: ACCESS_WRITE,
  m: ACCESS_MKNOD,
};

function parseAccess({ access, allow }: DeviceRule, pointer: string): number {
  const unknown = [...(access ?? "")].some((letter) => !(letter in accessBits));
  // As runc: what does not exist cannot be allowed, and need not be denied.
  if (!access || (unknown && allow)) {
    const message = access
      ? `invalid device access ${JSON.stringify(access)}`
      : "device access cannot be empty";
    throw new TsrunError("CONFIG_INVALID", message, {
      pointer: `${pointer}/access`,
      hint: 'use one or more of "r" (read), "w" (write) and "m" (mknod)',
    });
  }
  return [...access].reduce((bits, letter) => bits | (accessBits[letter] ?? 0), 0);
}

function parseNumber(value: number | undefined, pointer: string): number | null {
  // Engines send -1 for "any".
  if (value === undefined || value === -1) return null;
  if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) {
    throw new TsrunError("CONFIG_INVALID", `invalid device number ${value}`, {
      pointer,
      hint: "use 0 to 4294967295, or -1 for any",
    });
  }
  return value;
}
