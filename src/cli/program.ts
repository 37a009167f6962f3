// The command line as data: what exists, what it is called, what it means. The parser, the help, the man pages and the
// completions are made from this table; a flag is defined here and nowhere else.

import type { Argument, Command, Flag } from "./command.ts";
import {
  bundleFlag,
  consoleSocketFlag,
  creationFlags,
  detachFlag,
  noSubreaperFlag,
  pidFileFlag,
} from "./flags/creation.ts";
import { criuFlags } from "./flags/criu.ts";
import { execFlags } from "./flags/exec.ts";
import type { globalFlags } from "./flags/global.ts";
import { updateFlags } from "./flags/update.ts";

export const programName = "tsrun";
export const programSummary = "run containers from OCI bundles";

const containerId = {
  name: "container-id",
  description: "name of the container, unique below the state root",
} as const satisfies Argument;

const regexFlag = {
  name: "regex",
  aliases: ["r"],
  kind: "bool",
  description: "take the name for a regular expression, and all containers that match",
} as const satisfies Flag;

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
    flags: [
      ...creationFlags,
      {
        name: "no-subreaper",
        kind: "bool",
        hidden: true,
        description: "accepted and without effect: create adopts no orphans",
      },
    ],
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
      regexFlag,
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
        description:
          "number or name, with or without SIG, such as HUP or RTMIN+3 (default: SIGTERM)",
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
      regexFlag,
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
      {
        name: "tcp-close",
        kind: "bool",
        description: "restore open TCP connections as closed ones",
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
        name: "file",
        aliases: ["f"],
        kind: "string",
        value: "FILE",
        default: "config.json",
        description: "name of the file to write",
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
