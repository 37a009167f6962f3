// The command line as data: what exists, what it is called, what it means. The parser, the help, the man pages and the
// completions are made from this table; a flag is defined here and nowhere else.

/** "choice": a bool of which it matters whether it was given. */
export type FlagKind = "bool" | "choice" | "string" | "int" | "list" | "duration";

export type Flag = {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly kind: FlagKind;
  /** What the value is, for the help; a value is asked for by every kind but bool and choice. */
  readonly value?: string;
  readonly default?: string | number;
  /** The least value of an int. */
  readonly minimum?: number;
  readonly description: string;
  /** Accepted, but left out of the help. */
  readonly hidden?: boolean;
};

export type Argument = {
  readonly name: string;
  readonly description: string;
  readonly optional?: boolean;
  /** All words from here on; the last argument only. */
  readonly variadic?: boolean;
};

export type Command = {
  readonly name: string;
  readonly aliases?: readonly string[];
  /** One line, in the list of commands. */
  readonly summary: string;
  /** Paragraphs below it in the command's own help. */
  readonly details?: readonly string[];
  readonly examples?: readonly string[];
  readonly arguments: readonly Argument[];
  readonly flags: readonly Flag[];
  /** Flags end at the first positional, because what follows belongs to someone else. */
  readonly flagsFirst?: boolean;
  /** "-9" behind the first positional is an argument. */
  readonly negativeNumbers?: boolean;
  /** How a failure is reported: what its message begins with, and the exit status where that is not 1. */
  readonly failure?: { readonly prefix: string; readonly exitCode?: number };
};

export const programName = "tsrun";
export const programSummary = "run containers from OCI bundles";

export const globalFlags = [
  {
    name: "root",
    kind: "string",
    value: "DIR",
    description: "directory for the state of containers, on a tmpfs (default: /run/tsrun)",
  },
  {
    name: "log",
    kind: "string",
    value: "FILE",
    description: "append log records to FILE instead of stderr",
  },
  {
    name: "log-format",
    kind: "string",
    value: "FORMAT",
    default: "text",
    description: "format of log records: text or json",
  },
  { name: "debug", kind: "bool", description: "log what is done, and where an error comes from" },
  {
    name: "systemd-cgroup",
    kind: "bool",
    description: 'let systemd make the cgroup; cgroupsPath is then "slice:prefix:name"',
  },
  {
    name: "rootless",
    kind: "string",
    value: "WHEN",
    default: "auto",
    description: "do without rights to the host's cgroups: true, false or auto",
  },
  {
    name: "criu",
    kind: "string",
    value: "PATH",
    hidden: true,
    description: "accepted and without effect: criu is found through PATH",
  },
] as const satisfies readonly Flag[];

const containerId = {
  name: "container-id",
  description: "name of the container, unique below the state root",
} as const satisfies Argument;

const bundleFlag = {
  name: "bundle",
  aliases: ["b"],
  kind: "string",
  value: "DIR",
  description: "directory of config.json (default: the current directory)",
} as const satisfies Flag;

const consoleSocketFlag = {
  name: "console-socket",
  kind: "string",
  value: "SOCKET",
  description: "AF_UNIX socket that receives the terminal's master end",
} as const satisfies Flag;

const pidFileFlag = {
  name: "pid-file",
  kind: "string",
  value: "FILE",
  description: "write the process id of the container's process to FILE",
} as const satisfies Flag;

const noPivotFlag = {
  name: "no-pivot",
  kind: "bool",
  description: "do not use pivot_root; for a root file system on a ramdisk",
} as const satisfies Flag;

const detachFlag = {
  name: "detach",
  aliases: ["d"],
  kind: "bool",
  description: "return once the container's process is started",
} as const satisfies Flag;

const noSubreaperFlag = {
  name: "no-subreaper",
  kind: "bool",
  description: "do not adopt the orphans of the container's processes",
} as const satisfies Flag;

const creationFlags = [
  bundleFlag,
  consoleSocketFlag,
  {
    name: "pidfd-socket",
    kind: "string",
    value: "SOCKET",
    description: "AF_UNIX socket that receives a pidfd of the container's process",
  },
  pidFileFlag,
  noPivotFlag,
  {
    name: "no-new-keyring",
    kind: "bool",
    description: "keep the caller's session keyring instead of a new one",
  },
  {
    name: "preserve-fds",
    kind: "int",
    value: "N",
    default: 0,
    minimum: 0,
    description: "pass N more file descriptors, from 3 (behind those of LISTEN_FDS)",
  },
] as const satisfies readonly Flag[];

const execFlags = [
  {
    name: "process",
    aliases: ["p"],
    kind: "string",
    value: "FILE",
    description: "the process as JSON, as in the process section of config.json",
  },
  {
    name: "tty",
    aliases: ["t"],
    kind: "bool",
    description: "give the program a terminal",
  },
  {
    name: "detach",
    aliases: ["d"],
    kind: "bool",
    description: "return once the program is started",
  },
  {
    name: "pid-file",
    kind: "string",
    value: "FILE",
    description: "write the process id of the program to FILE",
  },
  {
    name: "console-socket",
    kind: "string",
    value: "SOCKET",
    description: "AF_UNIX socket that receives the terminal's master end",
  },
  {
    name: "pidfd-socket",
    kind: "string",
    value: "SOCKET",
    description: "AF_UNIX socket that receives a pidfd of the program",
  },
  {
    name: "user",
    aliases: ["u"],
    kind: "string",
    value: "UID[:GID]",
    description: "user and group of the program, as numbers",
  },
  {
    name: "additional-gids",
    aliases: ["g"],
    kind: "list",
    value: "GID",
    description: "one more group of the program; may be repeated",
  },
  {
    name: "cwd",
    kind: "string",
    value: "DIR",
    description: "working directory of the program, in the container",
  },
  {
    name: "env",
    aliases: ["e"],
    kind: "list",
    value: "NAME=VALUE",
    description: "one more variable of the environment; may be repeated",
  },
  {
    name: "cap",
    aliases: ["c"],
    kind: "list",
    value: "CAP",
    description: "one more capability; may be repeated",
  },
  {
    name: "preserve-fds",
    kind: "int",
    value: "N",
    default: 0,
    minimum: 0,
    description: "pass N more file descriptors, from 3",
  },
  {
    name: "cgroup",
    kind: "list",
    value: "PATH",
    description: "run in a cgroup below the container's, which must exist",
  },
  {
    name: "ignore-paused",
    kind: "bool",
    description: "in a paused container: wait until it goes on, instead of failing",
  },
  {
    name: "apparmor",
    kind: "string",
    value: "PROFILE",
    description: "AppArmor profile of the program",
  },
  {
    name: "process-label",
    kind: "string",
    value: "LABEL",
    description: "SELinux label of the program",
  },
  {
    name: "no-new-privs",
    kind: "choice",
    description: "whether the program can gain no privileges, such as by setuid files",
  },
  {
    name: "no-subreaper",
    kind: "bool",
    hidden: true,
    description: "accepted and without effect: exec never adopts orphans",
  },
] as const satisfies readonly Flag[];

/** What `checkpoint` and `restore` tell CRIU, both of them. */
const criuFlags = [
  {
    name: "image-path",
    kind: "string",
    value: "DIR",
    description: "directory of the saved files (default: ./checkpoint)",
  },
  {
    name: "work-path",
    kind: "string",
    value: "DIR",
    description: "directory for logs and other files of the work (default: that of --image-path)",
  },
  { name: "tcp-established", kind: "bool", description: "allow open TCP connections" },
  { name: "ext-unix-sk", kind: "bool", description: "allow connections to unix sockets outside" },
  { name: "shell-job", kind: "bool", description: "allow jobs of a shell outside" },
  { name: "file-locks", kind: "bool", description: "save and restore file locks" },
  {
    name: "lazy-pages",
    kind: "bool",
    description: "transfer memory while the restored container runs (userfaultfd)",
  },
  {
    name: "manage-cgroups-mode",
    kind: "string",
    value: "MODE",
    description: "what becomes of cgroups: soft, full, strict or ignore (default: soft)",
  },
  {
    name: "empty-ns",
    kind: "list",
    value: "NAMESPACE",
    description: "make the namespace without its contents; network, which always is",
  },
  { name: "auto-dedup", kind: "bool", description: "keep each page of memory once" },
] as const satisfies readonly Flag[];

const updateFlags = [
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

export const commands = [
  {
    name: "checkpoint",
    summary: "save a running container in files, with CRIU",
    details: [
      "The container is gone afterwards, unless --leave-running or --pre-dump is given; `tsrun restore` brings it back.",
    ],
    examples: ["tsrun checkpoint --image-path /srv/saved web"],
    arguments: [containerId],
    flags: [
      ...criuFlags,
      {
        name: "parent-path",
        kind: "string",
        value: "DIR",
        description: "an earlier --pre-dump, relative to --image-path",
      },
      { name: "leave-running", kind: "bool", description: "let the container go on" },
      {
        name: "tcp-skip-in-flight",
        kind: "bool",
        description: "leave TCP connections out that are being made",
      },
      {
        name: "link-remap",
        kind: "bool",
        description: "give names to open files that were unlinked, where that is possible",
      },
      {
        name: "status-fd",
        kind: "int",
        value: "FD",
        default: -1,
        description: "write a NUL to FD when pages can be fetched (--lazy-pages)",
      },
      {
        name: "page-server",
        kind: "string",
        value: "ADDRESS:PORT",
        description: "send memory to the page server there; with --lazy-pages, serve it there",
      },
      {
        name: "pre-dump",
        kind: "bool",
        description: "save memory only, for a later checkpoint to be quick; the container goes on",
      },
    ],
  },
  {
    name: "create",
    summary: "create a container",
    details: [
      "Makes the container that config.json describes, up to the point where its program would run. " +
        "The program starts with `tsrun start`.",
    ],
    examples: ["tsrun create --bundle /srv/bundle web", "tsrun start web"],
    arguments: [containerId],
    flags: creationFlags,
    failure: { prefix: `${programName} create failed: ` },
  },
  {
    name: "delete",
    summary: "delete a container and all it holds",
    details: ["The container must be stopped or not have been started, unless --force is given."],
    arguments: [containerId],
    flags: [
      {
        name: "force",
        aliases: ["f"],
        kind: "bool",
        description: "kill a running container first; a missing one is no error",
      },
    ],
  },
  {
    name: "events",
    summary: "print figures of a container, and when it runs out of memory, as lines of JSON",
    details: ["Goes on until the container has no process any more."],
    examples: ["tsrun events --stats web", "tsrun events --interval 1s web"],
    arguments: [containerId],
    flags: [
      {
        name: "interval",
        kind: "duration",
        value: "TIME",
        description: "time between two lines of figures, such as 500ms (default: 5s)",
      },
      { name: "stats", kind: "bool", description: "print the figures once" },
    ],
  },
  {
    name: "exec",
    summary: "run one more program in a container",
    details: [
      "It is run as the container's own process would be (user, environment, capabilities, seccomp ...), except for what options say. " +
        "Options end at the container's name: what follows is the program's. With --process only the file counts, and no program is named.",
      "Exits with the status of the program; with 255 when it could not be started.",
    ],
    examples: [
      "tsrun exec web ps",
      "tsrun exec --tty --env TERM=xterm web sh",
      "tsrun exec --process process.json --detach --pid-file exec.pid web",
    ],
    arguments: [
      containerId,
      {
        name: "program",
        optional: true,
        variadic: true,
        description: "what to run, with its arguments",
      },
    ],
    flags: execFlags,
    flagsFirst: true,
    failure: { prefix: "exec failed: ", exitCode: 255 },
  },
  {
    name: "explain",
    summary: "tell what create would do, step by step, without doing it",
    details: [
      "Each step names the line of config.json it comes from. Needs no rights and changes nothing; " +
        "the plan is made for the present host.",
    ],
    arguments: [{ name: "bundle", description: "directory of config.json" }],
    flags: [{ name: "json", kind: "bool", description: "print the steps as JSON" }],
  },
  {
    name: "features",
    summary: "print the features of this runtime as JSON",
    details: ["The features document of the OCI runtime specification."],
    arguments: [],
    flags: [],
  },
  {
    name: "kill",
    summary: "send a signal to a container's process",
    examples: ["tsrun kill web", "tsrun kill web HUP", "tsrun kill web 9"],
    arguments: [
      containerId,
      {
        name: "signal",
        optional: true,
        description: "number or name, with or without SIG (default: SIGTERM)",
      },
    ],
    flags: [
      {
        name: "all",
        aliases: ["a"],
        kind: "bool",
        hidden: true,
        description: "send it to all processes of the container",
      },
    ],
    negativeNumbers: true,
  },
  {
    name: "list",
    summary: "list the containers below the state root",
    arguments: [],
    flags: [
      {
        name: "format",
        aliases: ["f"],
        kind: "string",
        value: "FORMAT",
        default: "table",
        description: "table or json",
      },
      { name: "quiet", aliases: ["q"], kind: "bool", description: "print container ids only" },
    ],
  },
  {
    name: "pause",
    summary: "stop all processes of a container where they are",
    details: [
      "They go on with `tsrun resume`. A container that was not started yet can be paused too.",
    ],
    arguments: [containerId],
    flags: [],
  },
  {
    name: "ps",
    summary: "list the processes of a container",
    details: [
      "The table is that of the host's ps: what follows the container's name are options for it (default: -ef).",
    ],
    examples: ["tsrun ps web", "tsrun ps web -o pid,rss,args", "tsrun ps --format json web"],
    arguments: [
      containerId,
      {
        name: "ps-options",
        optional: true,
        variadic: true,
        description: "options for ps; its output needs a column titled PID",
      },
    ],
    flags: [
      {
        name: "format",
        aliases: ["f"],
        kind: "string",
        value: "FORMAT",
        default: "table",
        description: "table or json (process ids alone)",
      },
    ],
    flagsFirst: true,
  },
  {
    name: "restore",
    summary: "bring back a container that was checkpointed",
    details: [
      "The bundle must be as it was. Stays until the container's process ends, exits with its status and deletes the container, unless --detach is given.",
    ],
    examples: ["tsrun restore --detach --image-path /srv/saved --bundle /srv/bundle web"],
    arguments: [containerId],
    flags: [
      ...criuFlags,
      bundleFlag,
      consoleSocketFlag,
      pidFileFlag,
      {
        name: "no-pivot",
        kind: "bool",
        description: "check config.json as for a container without pivot_root; CRIU pivots anyway",
      },
      detachFlag,
      noSubreaperFlag,
      {
        name: "lsm-profile",
        kind: "string",
        value: "TYPE:NAME",
        description: "another LSM profile than that of the checkpoint",
      },
      {
        name: "lsm-mount-context",
        kind: "string",
        value: "CONTEXT",
        description: "another LSM context for mounts than that of the checkpoint",
      },
    ],
  },
  {
    name: "resume",
    summary: "let the processes of a paused container go on",
    arguments: [containerId],
    flags: [],
  },
  {
    name: "run",
    summary: "create a container and start it",
    details: [
      "Stays until the container's process ends, exits with its status and deletes the container, unless --detach is given.",
    ],
    arguments: [containerId],
    flags: [
      ...creationFlags,
      detachFlag,
      { name: "keep", kind: "bool", description: "do not delete the container when it ends" },
      noSubreaperFlag,
    ],
    failure: { prefix: `${programName} run failed: ` },
  },
  {
    name: "spec",
    summary: "write a config.json to start from",
    details: [
      "It runs `sh` in the root file system in the directory rootfs. An existing config.json is left alone.",
    ],
    examples: ["tsrun spec --bundle /srv/bundle", "tsrun spec --rootless"],
    arguments: [],
    flags: [
      {
        name: "bundle",
        aliases: ["b"],
        kind: "string",
        value: "DIR",
        description: "directory to write to (default: the current directory)",
      },
      {
        name: "rootless",
        kind: "bool",
        description: "for a container of an ordinary user, with a user namespace",
      },
    ],
  },
  {
    name: "start",
    summary: "run the program of a created container",
    arguments: [containerId],
    flags: [],
  },
  {
    name: "state",
    summary: "print the state of a container as JSON",
    arguments: [containerId],
    flags: [],
  },
  {
    name: "update",
    summary: "change the limits of a container",
    details: [
      "What is not named stays as it is. All is changed or, when something fails, nothing. " +
        "Sizes are bytes or have a 1024-based unit (64m, 1.5g); -1 lifts a limit.",
    ],
    examples: [
      "tsrun update --memory 512m --pids-limit 100 web",
      `echo '{"cpu": {"quota": 50000}}' | tsrun update --resources - web`,
    ],
    arguments: [containerId],
    flags: updateFlags,
  },
  {
    name: "validate",
    summary: "check a config.json against the specification",
    details: [
      "Prints every finding with its line. Exits with 1 when there are errors; warnings alone are no failure. Needs no rights.",
    ],
    arguments: [{ name: "file-or-bundle", description: "a config.json or the directory of one" }],
    flags: [{ name: "json", kind: "bool", description: "print the findings as JSON" }],
  },
  {
    name: "help",
    aliases: ["h"],
    summary: "print help for tsrun or one of its commands",
    arguments: [{ name: "command", optional: true, description: "the command to explain" }],
    flags: [],
  },
] as const satisfies readonly Command[];

export type CommandName = (typeof commands)[number]["name"];

type ValueOf<F> = F extends { kind: "bool" }
  ? boolean
  : F extends { kind: "choice" }
    ? boolean | undefined
    : F extends { kind: "list" }
      ? string[]
      : F extends { kind: "int" | "duration" }
        ? F extends { default: number }
          ? number
          : number | undefined
        : F extends { default: string }
          ? string
          : string | undefined;

/** The values of flags by name: booleans are false and lists empty unless given; durations are in milliseconds. */
export type FlagValues<Flags extends readonly Flag[]> = {
  readonly [F in Flags[number] as F["name"]]: ValueOf<F>;
};

export type GlobalValues = FlagValues<typeof globalFlags>;

type FlagsOf<Name extends CommandName> = Extract<
  (typeof commands)[number],
  { name: Name }
>["flags"];
export type CommandValues<Name extends CommandName> = FlagValues<FlagsOf<Name>>;
export type CreationValues = FlagValues<typeof creationFlags>;

/** The command of this name or alias. */
export function findCommand(name: string): (typeof commands)[number] | undefined {
  return commands.find(
    (command: Command) => command.name === name || command.aliases?.includes(name) === true,
  );
}
