// What happens to a container, from the files of its cgroup: the kernel wakes who has read them when they change.
import { closeSync, constants, openSync, writeSync } from "node:fs";

import { isErrno, readAgain } from "../cgroup/files.ts";
import { POLLERR, POLLPRI } from "../linux.ts";
import { native } from "../native.ts";
import { TsrunError } from "../errors.ts";
import type { Awaited } from "./exit.ts";
import { abortedBy, throwIfAborted } from "./failure.ts";
import type { ContainerEvent, EventsOptions } from "./types.ts";

type Source = { readonly cgroup: string | null; readonly init: Awaited | undefined };
type Emit = (event: ContainerEvent) => void;

const usualPressure = { waited: "some", thresholdUs: 150_000, windowUs: 2_000_000 } as const;

/** Tells of all that happens from now on; the watch ends with the container, the iteration or the signal. */
export function watchEvents(
  { cgroup, init }: Source,
  options: EventsOptions = {},
): AsyncIterableIterator<ContainerEvent> {
  const { signal } = options;
  throwIfAborted(signal);
  const queue = openQueue(signal);
  const letGo = init?.watched.hold();
  const watches =
    cgroup === null || init === undefined ? [] : openWatches(cgroup, options, queue.emit);
  queue.onClose(() => {
    watches.forEach((watch) => watch.close());
    letGo?.();
  });
  if (init === undefined) queue.finish();
  else void follow(init, queue, watches);
  return queue.iterator;
}

/** Tells of the end, and before it of what led to it. */
async function follow(
  { status }: Awaited,
  queue: Pick<ReturnType<typeof openQueue>, "emit" | "finish">,
  watches: readonly Watch[],
): Promise<void> {
  const ended = await status;
  watches.forEach((watch) => watch.look());
  queue.emit({ type: "exit", status: ended });
  queue.finish();
}

type Watch = { readonly look: () => void; readonly close: () => void };

function openWatches(
  cgroup: string,
  { memoryPressure = usualPressure }: EventsOptions,
  emit: Emit,
) {
  const counters = [
    watchCounter(`${cgroup}/memory.events`, "oom_kill", (kills) => emit({ type: "oom", kills })),
    watchCounter(`${cgroup}/pids.events`, "max", (refusals) =>
      emit({ type: "pids-limit", refusals }),
    ),
  ];
  const pressure =
    memoryPressure === false ? undefined : watchPressure(cgroup, memoryPressure, emit);
  return [...counters, pressure].filter((watch) => watch !== undefined);
}

/** Undefined: the cgroup does not have the controller, and such a thing cannot happen. */
function watchCounter(file: string, name: string, tell: (more: number) => void): Watch | undefined {
  const fd = openOptional(file, constants.O_RDONLY);
  if (fd === undefined) return undefined;
  const pattern = new RegExp(`^${name} (\\d+)$`, "m");
  const count = (): number => Number(pattern.exec(readAgain(fd))?.[1] ?? 0);
  let before = count();
  const look = (): void => {
    const now = count();
    if (now > before) tell(now - before);
    before = Math.max(before, now);
  };
  return watchFile(fd, look);
}

function watchPressure(
  cgroup: string,
  { waited, thresholdUs, windowUs }: Exclude<EventsOptions["memoryPressure"], false | undefined>,
  emit: Emit,
): Watch | undefined {
  const fd = openOptional(`${cgroup}/memory.pressure`, constants.O_RDWR | constants.O_NONBLOCK);
  if (fd === undefined) return undefined;
  try {
    writeSync(fd, `${waited} ${thresholdUs} ${windowUs}\0`);
  } catch (error) {
    closeSync(fd);
    if (isErrno(error, "EOPNOTSUPP", "ENOTSUP")) return undefined; // no PSI in this kernel
    throw new TsrunError(
      "USAGE",
      `no pressure can be watched with ${thresholdUs} us in ${windowUs} us`,
      {
        errno: (error as NodeJS.ErrnoException).code,
        cause: error,
        hint: "the window is 500 ms to 10 s (whole multiples of 2 s without CAP_SYS_RESOURCE), the threshold at most as long",
      },
    );
  }
  const watch = watchFile(fd, () => emit({ type: "memory-pressure", waited }));
  return { look: () => {}, close: watch.close };
}

function watchFile(fd: number, changed: () => void): Watch {
  let open = true;
  const close = (): void => {
    if (!open) return;
    open = false;
    native().endWatch(fd);
    closeSync(fd);
  };
  native().watch(fd, POLLPRI, (ready) => {
    if (ready & POLLERR) return close(); // the cgroup is gone
    changed();
  });
  native().holdLoop(fd, false); // the init holds it
  return { look: () => void (open && changed()), close };
}

function openOptional(path: string, flags: number): number | undefined {
  try {
    return openSync(path, flags);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENODEV", "EOPNOTSUPP", "ENOTSUP", "EACCES")) return undefined;
    throw error;
  }
}

type Waiter = PromiseWithResolvers<IteratorResult<ContainerEvent, undefined>>;

/** Events that wait for who iterates, and who iterates that waits for events. */
function openQueue(signal: AbortSignal | undefined) {
  const events: ContainerEvent[] = [];
  const waiters: Waiter[] = [];
  let state: "open" | "finished" | "aborted" = "open";
  let closed = (): void => {};
  const close = (next: "finished" | "aborted"): void => {
    if (state !== "open") return;
    state = next;
    signal?.removeEventListener("abort", abort);
    closed();
    for (const waiter of waiters.splice(0)) {
      if (next === "aborted") waiter.reject(abortedBy(signal!));
      else waiter.resolve({ done: true, value: undefined });
    }
  };
  const abort = (): void => close("aborted");
  signal?.addEventListener("abort", abort);
  const emit: Emit = (event) => {
    if (state !== "open") return;
    const waiter = waiters.shift();
    if (waiter === undefined) events.push(event);
    else waiter.resolve({ done: false, value: event });
  };
  const iterator: AsyncIterableIterator<ContainerEvent> = {
    next: () => {
      const event = events.shift();
      if (event !== undefined) return Promise.resolve({ done: false, value: event });
      if (state === "finished") return Promise.resolve({ done: true, value: undefined });
      if (state === "aborted") return Promise.reject(abortedBy(signal!));
      const waiter: Waiter = Promise.withResolvers();
      waiters.push(waiter);
      return waiter.promise;
    },
    return: () => {
      events.length = 0;
      close("finished");
      return Promise.resolve({ done: true, value: undefined });
    },
    [Symbol.asyncIterator]: () => iterator,
  };
  const onClose = (act: () => void): void => void (closed = act);
  return { emit, iterator, onClose, finish: () => close("finished") };
}
