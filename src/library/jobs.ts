// What workers do for the library: the lifecycle as the command line has it, with results that can cross threads.
import { closeSync, constants, openSync } from "node:fs";

import { deleteContainer } from "../lifecycle/delete.ts";
import { statsOfContainer } from "../lifecycle/events.ts";
import type { ProcessChanges } from "../lifecycle/exec-process.ts";
import { findContainer, type Held, holdContainer, holdExec } from "../lifecycle/held.ts";
import type { OpenStdio, Stdio, Wires } from "../lifecycle/held.ts";
import type { ExecOptions } from "../lifecycle/exec.ts";
import { killContainer, type KillOptions } from "../lifecycle/kill.ts";
import { listContainers } from "../lifecycle/list.ts";
import { pauseContainer, resumeContainer } from "../lifecycle/pause.ts";
import type { CreateOptions } from "../lifecycle/prepare.ts";
import { listProcesses } from "../lifecycle/processes.ts";
import { startContainer } from "../lifecycle/start.ts";
import { readContainer } from "../lifecycle/state.ts";
import { type UpdateOptions, updateContainer } from "../lifecycle/update.ts";
import { native } from "../native.ts";
import { ownPipes } from "../stdio/pipes.ts";

/** One of a process's first three descriptors, as the caller wants it. */
export type Channel =
  | { readonly kind: "null" }
  /** An open descriptor; `pipe`: of a pipe that the container's root must be able to open again. */
  | { readonly kind: "fd"; readonly fd: number; readonly pipe?: boolean }
  | { readonly kind: "file"; readonly path: string; readonly append?: boolean };
export type Channels = readonly [stdin: Channel, stdout: Channel, stderr: Channel];

type Named = { readonly root: string; readonly id: string };
type Quiet<T> = Omit<T, "warn" | "debug">;
type Warned<T> = T & { readonly warnings: readonly string[] };

export type CreateJob = Quiet<CreateOptions> & {
  readonly start: "fifo" | "sync";
  readonly channels: Channels;
  readonly terminalSize?: Wires["terminalSize"];
};
export type ExecJob = Named & {
  readonly changes: ProcessChanges;
  readonly channels: Channels;
  readonly consoleSocket?: string;
  readonly ignorePaused: boolean;
  readonly terminalSize?: Wires["terminalSize"];
};

/** All jobs by name. */
export const jobs = {
  create: ({ start, channels, terminalSize, ...options }: CreateJob) =>
    warned((warn) =>
      withChannels(channels, (openStdio) =>
        holdContainer({ ...options, warn }, start, { openStdio, terminalSize }),
      ),
    ),
  exec: ({ channels, terminalSize, ...job }: ExecJob) =>
    warned((warn): Held =>
      withChannels(channels, (openStdio) =>
        holdExec(execOptions(job, warn), { openStdio, terminalSize }),
      ),
    ),
  find: (named: Named) => findContainer(named),
  start: (named: Named) => startContainer(named),
  state: (named: Named) => readContainer(named),
  kill: (options: KillOptions) => killContainer(options),
  pause: (named: Named) => pauseContainer(named),
  resume: (named: Named) => resumeContainer(named),
  update: (options: Quiet<UpdateOptions>) =>
    warned((warn) => {
      updateContainer({ ...options, warn });
      return {};
    }),
  stats: (named: Named) => {
    const event = statsOfContainer(named);
    return event.type === "stats" ? event.data : undefined!;
  },
  processes: (named: Named) => listProcesses(named),
  delete: (options: Named & { readonly force: boolean }) =>
    warned((warn) => {
      deleteContainer({ ...options, warn });
      return {};
    }),
  list: ({ root }: { readonly root: string }) => listContainers(root),
};

export type Jobs = typeof jobs;
export type JobName = keyof Jobs;

function execOptions(
  { changes, ...job }: Omit<ExecJob, "channels">,
  warn: (message: string) => void,
): ExecOptions {
  return {
    ...job,
    process: changes,
    detach: job.consoleSocket !== undefined,
    preserveFds: 0,
    cgroups: [],
    warn,
    debug: () => {},
  };
}

function warned<T>(work: (warn: (message: string) => void) => T): Warned<T> {
  const warnings: string[] = [];
  const result = work((message) => void warnings.push(message));
  return { ...result, warnings };
}

/** Opens what the channels name for as long as the work takes. */
function withChannels<T>(channels: Channels, work: (open: OpenStdio) => T): T {
  const opened: number[] = [];
  const own = (fd: number): number => {
    opened.push(fd);
    return fd;
  };
  try {
    return work((owner) => {
      const fds = channels.map((channel, index) =>
        channel.kind === "fd" ? channel.fd : own(openChannel(channel, index === 0)),
      );
      ownPipes(
        channels.flatMap((channel) => (channel.kind === "fd" && channel.pipe ? channel.fd : [])),
        owner,
      );
      return fds as unknown as Stdio;
    });
  } finally {
    opened.forEach((fd) => closeSync(fd));
  }
}

function openChannel(channel: Exclude<Channel, { kind: "fd" }>, forReading: boolean): number {
  if (channel.kind === "null") return openSync("/dev/null", forReading ? "r" : "w");
  const { O_RDONLY, O_WRONLY, O_CREAT, O_TRUNC, O_APPEND, O_NONBLOCK } = constants;
  const flags = forReading ? O_RDONLY : O_WRONLY | O_CREAT | (channel.append ? O_APPEND : O_TRUNC);
  // A FIFO without its other end must not hold us up; whoever uses it later expects that it waits.
  const fd = openSync(channel.path, flags | O_NONBLOCK, 0o666);
  native().setNonblocking(fd, false);
  return fd;
}
