// What CRIU is asked for a checkpoint and a restore. Pure: descriptors and texts in, a request out.
import { CLONE_NEWNET } from "../linux.ts";
import {
  cgroupModes,
  networkLocks,
  type CriuOptions,
  type CriuRequest,
  requestType,
} from "./messages.ts";

/** The options that both commands have. */
export type SharedOptions = {
  readonly tcpEstablished: boolean;
  readonly extUnixSockets: boolean;
  readonly shellJob: boolean;
  readonly fileLocks: boolean;
  readonly autoDedup: boolean;
  readonly lazyPages: boolean;
  /** A key of networkLocks. */
  readonly networkLock?: string;
  /** A key of cgroupModes. */
  readonly cgroupsMode: string;
};

export type DumpOptions = SharedOptions & {
  readonly leaveRunning: boolean;
  readonly preDump: boolean;
  readonly linkRemap: boolean;
  readonly tcpSkipInFlight: boolean;
  /** Relative to the directory of the images. */
  readonly parentPath?: string;
  readonly pageServer?: { readonly address: string; readonly port: number };
};

export type RestoreOptions = SharedOptions & {
  readonly lsmProfile?: string;
  readonly lsmMountContext?: string;
  readonly tcpClose?: boolean;
};

/** Open directories, as CRIU gets them. */
export type Directories = {
  readonly images: number;
  readonly work?: number;
};

export type DumpTarget = {
  readonly pid: number;
  readonly rootfs: string;
  readonly directories: Directories;
  readonly freezeCgroup?: string;
  readonly external: readonly string[];
  readonly configFile?: string;
};

/** Everything that CRIU tells of its work goes there, in the work directory. */
export const logFiles = { dump: "dump.log", restore: "restore.log" } as const;

/** As verbose as runc has it: what went before an error is there to be read. */
const logLevel = 4;

/** The request for a checkpoint. */
export function dumpRequest(options: DumpOptions, target: DumpTarget): CriuRequest {
  const { parentPath, pageServer, preDump } = options;
  return {
    type: preDump ? requestType.preDump : requestType.dump,
    opts: {
      ...sharedOptions(options, target),
      log_file: logFiles.dump,
      pid: target.pid,
      root: target.rootfs,
      leave_running: options.leaveRunning,
      link_remap: options.linkRemap,
      tcp_skip_in_flight: options.tcpSkipInFlight,
      external: target.external,
      // cgroup v2 alone ("" in /proc/PID/cgroup): in v1 hierarchies a container of tsrun has no cgroup of its own, and
      // CRIU would save those of the caller, with everything below them.
      cgroup_dump_controller: [""],
      ...(target.freezeCgroup === undefined ? {} : { freeze_cgroup: target.freezeCgroup }),
      ...(pageServer === undefined ? {} : { ps: pageServer }),
      // What changes from here on is tracked, so that the next dump can leave the rest out.
      ...(parentPath === undefined ? {} : { parent_img: parentPath }),
      ...(preDump || parentPath !== undefined ? { track_mem: true } : {}),
    },
  };
}

export type RestoreTarget = {
  readonly root: string;
  readonly directories: Directories;
  readonly external: readonly string[];
  readonly inherited: readonly { readonly key: string; readonly fd: number }[];
  readonly joined: readonly { readonly ns: string; readonly ns_file: string }[];
  readonly cgroupRoots: readonly { readonly ctrl: string; readonly path: string }[];
  readonly configFile?: string;
};

/** The request for a restore. */
export function restoreRequest(options: RestoreOptions, target: RestoreTarget): CriuRequest {
  const { lsmProfile, lsmMountContext, tcpClose } = options;
  return {
    type: requestType.restore,
    opts: {
      ...sharedOptions(options, target),
      log_file: logFiles.restore,
      root: target.root,
      evasive_devices: true,
      // The restored process becomes a child of the runtime, as a created one is.
      rst_sibling: true,
      external: target.external,
      inherit_fd: target.inherited,
      join_ns: target.joined,
      cg_root: target.cgroupRoots,
      ...(lsmProfile === undefined ? {} : { lsm_profile: lsmProfile }),
      ...(lsmMountContext === undefined ? {} : { lsm_mount_context: lsmMountContext }),
      ...(tcpClose ? { tcp_close: true } : {}),
    },
  };
}

function sharedOptions(
  options: SharedOptions,
  target: { readonly directories: Directories; readonly configFile?: string },
): CriuOptions {
  const { images, work } = target.directories;
  return {
    images_dir_fd: images,
    ...(work === undefined ? {} : { work_dir_fd: work }),
    log_level: logLevel,
    notify_scripts: true,
    // The master of the container's terminal is not in the container; at restore the caller gets a new one.
    orphan_pts_master: true,
    // Network devices are the business of whoever made them.
    empty_ns: CLONE_NEWNET,
    manage_cgroups_mode: cgroupModes[options.cgroupsMode]!,
    tcp_established: options.tcpEstablished,
    ext_unix_sk: options.extUnixSockets,
    shell_job: options.shellJob,
    file_locks: options.fileLocks,
    auto_dedup: options.autoDedup,
    lazy_pages: options.lazyPages,
    ...(options.networkLock === undefined
      ? {}
      : { network_lock: networkLocks[options.networkLock]! }),
    ...(target.configFile === undefined ? {} : { config_file: target.configFile }),
  };
}

/** The configuration file of CRIU: named by the container, or the one that runc gives it. */
export function criuConfigFile(
  annotations: Readonly<Record<string, string>> | undefined,
): string | undefined {
  const named = annotations?.["org.criu.config"];
  if (named === "") return undefined;
  return named ?? "/etc/criu/runc.conf";
}
