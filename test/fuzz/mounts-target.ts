// The options of mounts: what they are sorted into, against a model that goes through them one by one.
import { TsrunError } from "../../src/errors.ts";
import {
  MOUNT_ATTR__ATIME,
  MS_PRIVATE,
  MS_SHARED,
  MS_SLAVE,
  MS_UNBINDABLE,
} from "../../src/linux.ts";
import { fileSystemOptions } from "../../src/plan/mount-data.ts";
import { type MountOptions, parseMountOptions } from "../../src/plan/mount-options.ts";
import { isObject } from "../../src/spec/json.ts";
import { mountOptions } from "../../src/spec/tables.ts";
import type { Mount } from "../../src/spec/types.ts";
import { hold } from "./config-target.ts";
import type { Target } from "./loop.ts";
import type { Random } from "./random.ts";

const names = Object.keys(mountOptions);
const data = [
  "size=1m",
  "mode=755",
  "uid=0",
  "mpol=bind:0,2",
  "lowerdir=/a,b:/c",
  "data=a,,b",
  "=",
  ",",
  "x",
  "gid=",
];
const types = ["tmpfs", "bind", "proc", "overlay", "devpts", "cgroup2", "ext4", "none", ""];
const propagations = MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE;

/** What has to hold for the options of any mount. */
export const mountsTarget: Target = {
  seeds: [
    ...names.map((name) => write({ destination: "/x", type: "tmpfs", options: [name] })),
    ...names.map((name) => write({ destination: "/x", type: "bind", options: ["rbind", name] })),
    write({ destination: "/x", type: "tmpfs", options: data }),
  ],
  mutate,
  check,
};

function write(mount: Mount): string {
  return JSON.stringify(mount);
}

function mutate(text: string, other: string, random: Random): string {
  const mount = JSON.parse(text) as Mount;
  const options = mount.options ?? [];
  const at = random.below(options.length + 1);
  switch (random.below(6)) {
    case 0:
      options.splice(at, random.below(3));
      break;
    case 1:
      options.splice(at, 0, ...((JSON.parse(other) as Mount).options ?? []));
      break;
    case 2:
      options.splice(at, 0, broken(random.pick(options.length > 0 ? options : names), random));
      break;
    case 3:
      return write({ ...mount, type: random.pick(types), options });
    default:
      options.splice(at, 0, random.pick(random.oneIn(3) ? data : names));
  }
  return write({ ...mount, options: options.slice(0, 40) });
}

function broken(option: string, random: Random): string {
  const at = random.below(option.length + 1);
  const odd = random.pick([
    "",
    ",",
    "=",
    " ",
    "\\",
    "r",
    "no",
    "\u00e9",
    "constructor",
    "9".repeat(300),
    ",9",
    ",a",
  ]);
  return random.pick([
    option.slice(0, at) + odd + option.slice(at),
    option.slice(at),
    option.toUpperCase(),
    odd,
  ]);
}

function check(text: string): boolean {
  const value: unknown = JSON.parse(text);
  if (!isObject(value)) return false;
  const mount = value as Mount;
  const parsed = parse(mount);
  if (parsed === undefined) return false;
  checkAttributes(mount, parsed);
  checkRest(mount, parsed);
  checkNeutral(mount, parsed);
  const plain = fileSystemOptions(mount.type ?? "", parsed);
  for (const option of plain ?? []) {
    hold(option !== "", "no empty option is for fsconfig");
    hold(
      Buffer.byteLength(option.slice(option.indexOf("=") + 1)) <= 255 || !option.includes("="),
      "values fit fsconfig",
    );
  }
  return true;
}

function parse(mount: Mount): MountOptions | undefined {
  try {
    return parseMountOptions(mount, "/mounts/0");
  } catch (error) {
    if (!(error instanceof TsrunError) || error.code === "INTERNAL") throw error;
    return undefined;
  }
}

/** Of each bit the last option that names it decides. */
function checkAttributes({ options = [] }: Mount, parsed: MountOptions): void {
  for (const recursive of [false, true]) {
    const { set, clear } = recursive ? parsed.tree : parsed.own;
    hold((set & clear & ~MOUNT_ATTR__ATIME) === 0, "nothing is both set and cleared");
    let [wantSet, wantClear] = [0, 0];
    for (const name of options) {
      const option = Object.hasOwn(mountOptions, name) ? mountOptions[name] : undefined;
      if (option?.kind !== "attribute" || option.recursive !== recursive) continue;
      wantSet = (wantSet & ~option.clear) | option.set;
      wantClear = (wantClear & ~option.set) | option.clear;
    }
    hold(set === wantSet, "the last option decides what is set");
    const times = MOUNT_ATTR__ATIME;
    hold((clear & ~times) === (wantClear & ~times), "the last option decides what is cleared");
    if ((set & times) !== 0)
      hold((clear & times) === times, "access times are cleared before they are set");
  }
}

/** Every option is known, or is data, in its order. */
function checkRest({ options = [] }: Mount, parsed: MountOptions): void {
  const isKnown = (name: string): boolean => Object.hasOwn(mountOptions, name);
  const rest = options.filter((name) => name !== "" && !isKnown(name));
  hold(
    JSON.stringify(parsed.data) === JSON.stringify(rest),
    "what is no flag is data, in its order",
  );
  const kinds = options.filter(isKnown).map((name) => mountOptions[name]!);
  const changes = kinds.filter(({ kind }) => kind === "propagation").length;
  hold(parsed.propagation.length === changes, "no change of propagation is lost");
  for (const { flag } of parsed.propagation) {
    const bits = flag & propagations;
    hold(
      bits === flag && bits !== 0 && (bits & (bits - 1)) === 0,
      "a change of propagation is one of four",
    );
  }
  hold(parsed.remount === options.includes("remount"), "remount is heeded");
}

function checkNeutral(mount: Mount, parsed: MountOptions): void {
  const padded = parse({ ...mount, options: ["", ...(mount.options ?? []), ""] });
  hold(JSON.stringify(padded) === JSON.stringify(parsed), "empty options change nothing");
}
