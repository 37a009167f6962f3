// A container as an object: each method is one job of a worker, but for what needs the event loop.
import type { HeldContainer } from "../lifecycle/held.ts";
import { watchProcess } from "./children.ts";
import { watchEvents } from "./events.ts";
import { awaitEnd, type Awaited, waitForEnd } from "./exit.ts";
import { type Home, warnOf } from "./home.ts";
import { perform } from "./pool.ts";
import { execIn } from "./process.ts";
import { letGo, type Streams, type Wiring } from "./stdio.ts";
import { openTerminal } from "./terminal.ts";
import type { Container, ExitStatus } from "./types.ts";

/** What this process has of a container besides its state. */
export type Ends = {
  readonly streams: Streams;
  /** Undefined: its init had ended before. */
  readonly init: Awaited | undefined;
};

const noStreams: Streams = { stdin: null, stdout: null, stderr: null, terminal: null };

/** Takes charge of a container's init and of its terminal. */
export function takeCharge(held: HeldContainer, wiring?: Wiring): Ends {
  const init =
    held.pidfd < 0 ? undefined : awaitEnd(watchProcess(held.pid, held.pidfd), held.cgroup);
  if (wiring === undefined) return { init, streams: noStreams };
  const terminal = held.console === undefined ? null : openTerminal(held.console);
  const { stdin, stdout, stderr } = wiring;
  return { init, streams: { stdin, stdout, stderr, terminal } };
}

/** The object for a container. */
export function describeContainer(
  home: Home,
  { id, pid, bundle, cgroup }: HeldContainer & { readonly id: string },
  { init, streams }: Ends,
): Container {
  const named = { root: home.root, id };
  const ended = new Set<() => void>();
  const remove = async (options: { force?: boolean; signal?: AbortSignal } = {}): Promise<void> => {
    const { force = false, signal } = options;
    const done = await perform("delete", { ...named, force }, { signal });
    done.warnings.forEach((message) => warnOf(home, id)(message));
    if (init !== undefined) await waitForEnd(init); // it is reaped when this returns
    letGo(streams);
    ended.forEach((end) => end());
  };
  return {
    id,
    pid: init === undefined ? 0 : pid,
    bundle,
    cgroup,
    ...streams,
    async start({ signal } = {}) {
      const before = performance.now();
      await perform("start", named, { signal });
      if (init !== undefined) init.startedAt = before;
    },
    state: ({ signal } = {}) => perform("state", named, { signal }),
    wait: async (options) => (init === undefined ? unknownEnd : waitForEnd(init, options)),
    kill: (signal = "TERM", options = {}) =>
      perform("kill", { ...named, signal, all: options.all ?? false }, { signal: options.signal }),
    async exec(options) {
      const { process, end } = await execIn({ home, id, cgroup }, options);
      ended.add(end);
      return process;
    },
    pause: ({ signal } = {}) => perform("pause", named, { signal }),
    resume: ({ signal } = {}) => perform("resume", named, { signal }),
    async update(resources, { signal } = {}) {
      const { warnings } = await perform("update", { ...named, resources }, { signal });
      warnings.forEach((message) => warnOf(home, id)(message));
    },
    stats: ({ signal } = {}) => perform("stats", named, { signal }),
    processes: ({ signal } = {}) => perform("processes", named, { signal }),
    events: (options) => watchEvents({ cgroup, init }, options),
    delete: remove,
    [Symbol.asyncDispose]: () => remove({ force: true }),
  };
}

const unknownEnd: ExitStatus = {
  reason: "unknown",
  exitCode: null,
  signal: null,
  oom: false,
  times: null,
};
