// Mount options of config.json that are not data of the file system.
import {
  MOUNT_ATTR__ATIME,
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NODIRATIME,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_RDONLY,
  MOUNT_ATTR_RELATIME,
  MOUNT_ATTR_STRICTATIME,
  MS_DIRSYNC,
  MS_I_VERSION,
  MS_LAZYTIME,
  MS_MANDLOCK,
  MS_NOATIME,
  MS_NODEV,
  MS_NODIRATIME,
  MS_NOEXEC,
  MS_NOSUID,
  MS_NOSYMFOLLOW,
  MS_PRIVATE,
  MS_RDONLY,
  MS_REC,
  MS_RELATIME,
  MS_SHARED,
  MS_SILENT,
  MS_SLAVE,
  MS_STRICTATIME,
  MS_SYNCHRONOUS,
  MS_UNBINDABLE,
} from "../linux.ts";

/**
 * What an option does. Options apply in the order they are written, the later one wins:
 *
 *     attributes = (attributes & ~clear) | set;   touched |= set | clear
 *
 * and likewise with `msSet` and `msClear` for mount(2). Where any bit of MOUNT_ATTR__ATIME was touched, the
 * whole field is to be cleared before it is set (the kernel wants it so).
 */
export type MountOption =
  /** Attributes of one mount, or of it and everything below (`recursive`: AT_RECURSIVE). */
  | {
      kind: "attribute";
      recursive: boolean;
      /** MOUNT_ATTR_* */
      set: number;
      clear: number;
      /** The same for mount(2): MS_* */
      msSet: number;
      msClear: number;
      /** Also a flag of a new file system's superblock, by its name for fsconfig(2). */
      superblock?: "ro" | "rw";
    }
  /** A flag of the file system itself: its name for fsconfig(2), or MS_* for mount(2). Nothing for binds. */
  | { kind: "superblock"; flag: string; msSet: number; msClear: number }
  /** MS_SHARED ..., with MS_REC for the r* forms; a mount's own step after it is attached. */
  | { kind: "propagation"; flags: number }
  | { kind: "bind"; recursive: boolean }
  | { kind: "remount" }
  /** Copies what the rootfs has at the destination into a tmpfs. */
  | { kind: "tmpcopyup" }
  /** Maps ids as the container's user namespace does, or as the mount's own mappings say. */
  | { kind: "idmap"; recursive: boolean }
  /** Resolution of the bind's source and of the destination (crun). */
  | { kind: "lookup"; nofollow: "source" | "destination" }
  /** Copies a symbolic link instead of mounting what it leads to (crun). */
  | { kind: "copy-symlink" }
  | { kind: "none" };

type Flags = {
  set: number;
  clear: number;
  msSet: number;
  msClear: number;
  superblock?: "ro" | "rw";
};

const on = (attribute: number, ms: number): Flags => ({
  set: attribute,
  clear: 0,
  msSet: ms,
  msClear: 0,
});
const off = (attribute: number, ms: number): Flags => ({
  set: 0,
  clear: attribute,
  msSet: 0,
  msClear: ms,
});
const atime = (attribute: number, ms: number): Flags => ({
  set: attribute,
  clear: MOUNT_ATTR__ATIME,
  msSet: ms,
  msClear: (MS_NOATIME | MS_RELATIME | MS_STRICTATIME) & ~ms,
});

const one = (flags: Flags): MountOption => ({ kind: "attribute", recursive: false, ...flags });
const all = (flags: Flags): MountOption => ({ kind: "attribute", recursive: true, ...flags });
const superblockOn = (flag: string, ms: number): MountOption => ({
  kind: "superblock",
  flag,
  msSet: ms,
  msClear: 0,
});
const superblockOff = (flag: string, ms: number): MountOption => ({
  kind: "superblock",
  flag,
  msSet: 0,
  msClear: ms,
});
const propagation = (flags: number): MountOption => ({ kind: "propagation", flags });

/** Every option that is known; whatever is not here is data for the file system. */
export const mountOptions: Readonly<Record<string, MountOption>> = {
  defaults: { kind: "none" },

  ro: one({ ...on(MOUNT_ATTR_RDONLY, MS_RDONLY), superblock: "ro" }),
  rw: one({ ...off(MOUNT_ATTR_RDONLY, MS_RDONLY), superblock: "rw" }),
  nosuid: one(on(MOUNT_ATTR_NOSUID, MS_NOSUID)),
  suid: one(off(MOUNT_ATTR_NOSUID, MS_NOSUID)),
  nodev: one(on(MOUNT_ATTR_NODEV, MS_NODEV)),
  dev: one(off(MOUNT_ATTR_NODEV, MS_NODEV)),
  noexec: one(on(MOUNT_ATTR_NOEXEC, MS_NOEXEC)),
  exec: one(off(MOUNT_ATTR_NOEXEC, MS_NOEXEC)),
  nodiratime: one(on(MOUNT_ATTR_NODIRATIME, MS_NODIRATIME)),
  diratime: one(off(MOUNT_ATTR_NODIRATIME, MS_NODIRATIME)),
  nosymfollow: one(on(MOUNT_ATTR_NOSYMFOLLOW, MS_NOSYMFOLLOW)),
  symfollow: one(off(MOUNT_ATTR_NOSYMFOLLOW, MS_NOSYMFOLLOW)),
  noatime: one(atime(MOUNT_ATTR_NOATIME, MS_NOATIME)),
  relatime: one(atime(MOUNT_ATTR_RELATIME, MS_RELATIME)),
  strictatime: one(atime(MOUNT_ATTR_STRICTATIME, MS_STRICTATIME)),
  // The opposites take back one setting each; what is left then is relatime, the kernel's default.
  atime: one(off(MOUNT_ATTR_NOATIME, MS_NOATIME)),
  norelatime: one(off(0, MS_RELATIME)),
  nostrictatime: one(off(MOUNT_ATTR_STRICTATIME, MS_STRICTATIME)),

  rro: all(on(MOUNT_ATTR_RDONLY, MS_RDONLY)),
  rrw: all(off(MOUNT_ATTR_RDONLY, MS_RDONLY)),
  rnosuid: all(on(MOUNT_ATTR_NOSUID, MS_NOSUID)),
  rsuid: all(off(MOUNT_ATTR_NOSUID, MS_NOSUID)),
  rnodev: all(on(MOUNT_ATTR_NODEV, MS_NODEV)),
  rdev: all(off(MOUNT_ATTR_NODEV, MS_NODEV)),
  rnoexec: all(on(MOUNT_ATTR_NOEXEC, MS_NOEXEC)),
  rexec: all(off(MOUNT_ATTR_NOEXEC, MS_NOEXEC)),
  rnodiratime: all(on(MOUNT_ATTR_NODIRATIME, MS_NODIRATIME)),
  rdiratime: all(off(MOUNT_ATTR_NODIRATIME, MS_NODIRATIME)),
  rnosymfollow: all(on(MOUNT_ATTR_NOSYMFOLLOW, MS_NOSYMFOLLOW)),
  rsymfollow: all(off(MOUNT_ATTR_NOSYMFOLLOW, MS_NOSYMFOLLOW)),
  rnoatime: all(atime(MOUNT_ATTR_NOATIME, MS_NOATIME)),
  rrelatime: all(atime(MOUNT_ATTR_RELATIME, MS_RELATIME)),
  rstrictatime: all(atime(MOUNT_ATTR_STRICTATIME, MS_STRICTATIME)),
  // Mounts below may have any setting, so these put all of them back to the default.
  ratime: all(off(MOUNT_ATTR__ATIME, MS_NOATIME)),
  rnorelatime: all(off(MOUNT_ATTR__ATIME, MS_RELATIME)),
  rnostrictatime: all(off(MOUNT_ATTR__ATIME, MS_STRICTATIME)),

  sync: superblockOn("sync", MS_SYNCHRONOUS),
  async: superblockOff("async", MS_SYNCHRONOUS),
  dirsync: superblockOn("dirsync", MS_DIRSYNC),
  mand: superblockOn("mand", MS_MANDLOCK),
  nomand: superblockOff("nomand", MS_MANDLOCK),
  lazytime: superblockOn("lazytime", MS_LAZYTIME),
  nolazytime: superblockOff("nolazytime", MS_LAZYTIME),
  iversion: superblockOn("iversion", MS_I_VERSION),
  noiversion: superblockOff("noiversion", MS_I_VERSION),
  silent: superblockOn("silent", MS_SILENT),
  loud: superblockOff("loud", MS_SILENT),

  private: propagation(MS_PRIVATE),
  rprivate: propagation(MS_PRIVATE | MS_REC),
  shared: propagation(MS_SHARED),
  rshared: propagation(MS_SHARED | MS_REC),
  slave: propagation(MS_SLAVE),
  rslave: propagation(MS_SLAVE | MS_REC),
  unbindable: propagation(MS_UNBINDABLE),
  runbindable: propagation(MS_UNBINDABLE | MS_REC),

  bind: { kind: "bind", recursive: false },
  rbind: { kind: "bind", recursive: true },
  remount: { kind: "remount" },
  idmap: { kind: "idmap", recursive: false },
  ridmap: { kind: "idmap", recursive: true },
  tmpcopyup: { kind: "tmpcopyup" },
  "src-nofollow": { kind: "lookup", nofollow: "source" },
  "dest-nofollow": { kind: "lookup", nofollow: "destination" },
  "copy-symlink": { kind: "copy-symlink" },
};
