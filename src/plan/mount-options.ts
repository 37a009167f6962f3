import { assertNever, TsrunError } from "../errors.ts";
import { MOUNT_ATTR__ATIME, MS_BIND, MS_REC, MS_REMOUNT } from "../linux.ts";
import { mountOptions, type MountOption } from "../spec/tables.ts";
import type { Mount } from "../spec/types.ts";

/** A change of mount attributes (MOUNT_ATTR_*). */
export type AttributeChange = { readonly set: number; readonly clear: number };
export type Propagation = { readonly flag: number; readonly recursive: boolean };

/** What the options of a mount come to. */
export type MountOptions = {
  readonly remount: boolean;
  readonly recursiveBind: boolean;
  /** MS_* for mount(2), without those of propagation. */
  readonly flags: number;
  /** Of the mount itself, and of it with all below it. */
  readonly own: AttributeChange;
  readonly tree: AttributeChange;
  readonly propagation: readonly Propagation[];
  readonly idmap: "none" | "one" | "tree";
  readonly copyUp: boolean;
  /** Flags of the file system by their names for fsconfig(2), and those that only mount(2) knows. */
  readonly superblock: readonly string[];
  /** Options of the file system; a bind has none, so they are without effect there. */
  readonly data: readonly string[];
};

type Draft = { -readonly [key in keyof MountOptions]: MountOptions[key] } & {
  own: { set: number; clear: number };
  tree: { set: number; clear: number };
  propagation: Propagation[];
  superblock: string[];
  data: string[];
};

/** A bind, whatever its type says. */
export function isBind({ type, options = [] }: Mount): boolean {
  return type === "bind" || options.includes("bind") || options.includes("rbind");
}

/** Sorts the options of a mount by what they are about; a later one wins over an earlier one. */
export function parseMountOptions(mount: Mount, origin: string): MountOptions {
  const draft = emptyOptions();
  for (const [index, name] of (mount.options ?? []).entries()) {
    if (name === "") continue;
    const option = Object.hasOwn(mountOptions, name) ? mountOptions[name] : undefined;
    if (option === undefined) draft.data.push(name);
    else applyOption(draft, option, { name, pointer: `${origin}/options/${index}` });
  }
  // What has a value is none of the flags of a mount, and changes nothing. The rest may be one of them misspelt.
  const strange = draft.data.filter((option) => !option.includes("="));
  if (strange.length > 0 && isBind(mount)) {
    const message = "bind mounts cannot have any filesystem-specific options applied";
    throw new TsrunError("CONFIG_INVALID", message, {
      pointer: `${origin}/options`,
      hint: `these are no options of bind mounts: ${strange.join(", ")}`,
    });
  }
  return draft;
}

function emptyOptions(): Draft {
  return {
    remount: false,
    recursiveBind: false,
    flags: 0,
    own: { set: 0, clear: 0 },
    tree: { set: 0, clear: 0 },
    propagation: [],
    idmap: "none",
    copyUp: false,
    superblock: [],
    data: [],
  };
}

function applyOption(
  draft: Draft,
  option: MountOption,
  { name, pointer }: { name: string; pointer: string },
): void {
  switch (option.kind) {
    case "attribute":
      applyAttribute(option.recursive ? draft.tree : draft.own, option);
      if (!option.recursive) draft.flags = (draft.flags & ~option.msClear) | option.msSet;
      return;
    case "superblock":
      draft.flags = (draft.flags & ~option.msClear) | option.msSet;
      draft.superblock.push(option.flag);
      return;
    case "propagation":
      draft.propagation.push({
        flag: option.flags & ~MS_REC,
        recursive: (option.flags & MS_REC) !== 0,
      });
      return;
    case "bind":
      draft.recursiveBind = option.recursive;
      draft.flags |= option.recursive ? MS_BIND | MS_REC : MS_BIND;
      return;
    case "remount":
      draft.remount = true;
      draft.flags |= MS_REMOUNT;
      return;
    case "tmpcopyup":
      draft.copyUp = true;
      return;
    case "idmap":
      draft.idmap = option.recursive ? "tree" : "one";
      return;
    case "lookup":
    case "copy-symlink":
      throw new TsrunError(
        "CONFIG_UNSUPPORTED",
        `mount option ${JSON.stringify(name)} is not supported`,
        {
          pointer,
        },
      );
    case "none":
      return;
    default:
      assertNever(option);
  }
}

function applyAttribute(
  change: { set: number; clear: number },
  { set, clear }: AttributeChange,
): void {
  // The access time settings share a field, which the kernel wants cleared as a whole.
  const field = ((set | clear) & MOUNT_ATTR__ATIME) === 0 ? 0 : MOUNT_ATTR__ATIME;
  change.set = (change.set & ~clear) | set;
  change.clear = ((change.clear | clear) & ~set) | field | (change.clear & MOUNT_ATTR__ATIME);
}
