// The entry of the library: containers made, found and listed.
import { randomUUID } from "node:crypto";
import { resolve } from "node:path";

import { stringifyJson } from "../spec/json.ts";
import { describeContainer, type Ends, takeCharge } from "./container.ts";
import { waitForEnd } from "./exit.ts";
import { type Home, warnOf } from "./home.ts";
import type { CreateJob } from "./jobs.ts";
import { perform } from "./pool.ts";
import { requireLinux } from "./platform.ts";
import { SIGKILL } from "../linux.ts";
import { openStdio, wired } from "./stdio.ts";
import type {
  Container,
  CreateOptions,
  ExitStatus,
  RunOptions,
  Runtime,
  RuntimeOptions,
} from "./types.ts";

/** Where containers are unless something else is said. */
const usualRoot = "/run/tsrun";

/** Opens the containers below one state directory. Nothing is read or made before the first call. */
export function openRuntime(options: RuntimeOptions = {}): Runtime {
  const home: Home = { root: resolve(options.root ?? usualRoot), options };
  return {
    root: home.root,
    async create(wanted) {
      const made = await makeContainer(home, wanted, "fifo");
      return made.container;
    },
    run: (wanted) => runContainer(home, wanted),
    async get(id, { signal } = {}) {
      const held = await perform("find", { root: home.root, id }, { signal });
      return describeContainer(home, { ...held, id }, takeCharge(held));
    },
    async list({ signal } = {}) {
      const { containers, problems } = await perform("list", { root: home.root }, { signal });
      problems.forEach((message) => warnOf(home, home.root)(message));
      return [...containers];
    },
  };
}

type Made = { readonly container: Container; readonly ends: Ends };

async function makeContainer(
  home: Home,
  options: CreateOptions,
  start: CreateJob["start"],
): Promise<Made> {
  requireLinux();
  const id = options.id ?? `tsrun-${randomUUID()}`;
  const job = jobOf(home, options, id, start);
  const wiring = openStdio(options.stdio);
  const held = await wired(wiring, () =>
    perform(
      "create",
      { ...job, channels: wiring.channels },
      {
        signal: options.signal,
        undo: async (made) => {
          const ends = takeCharge(made, wiring);
          await describeContainer(home, { ...made, id }, ends).delete({ force: true });
        },
      },
    ),
  );
  held.warnings.forEach((message) => warnOf(home, id)(message));
  const ends = takeCharge(held, wiring);
  return { container: describeContainer(home, { ...held, id }, ends), ends };
}

function jobOf(
  { root, options: shared }: Home,
  options: CreateOptions,
  id: string,
  start: CreateJob["start"],
): Omit<CreateJob, "channels"> {
  const { rootless = "auto", cgroupManager = "cgroupfs" } = shared;
  return {
    root,
    id,
    start,
    bundle: resolve(options.bundle ?? "."),
    configText: options.spec === undefined ? undefined : stringifyJson(options.spec),
    consoleSocket: options.consoleSocket,
    terminalSize: options.terminalSize,
    pidfdSocket: options.pidfdSocket,
    noPivot: options.noPivot ?? false,
    noNewKeyring: options.noNewKeyring ?? false,
    preserveFds: 0,
    systemdCgroup: cgroupManager === "systemd",
    noCgroup: cgroupManager === "disabled",
    rootless: rootless === "auto" ? "auto" : rootless ? "true" : "false",
    embedded: true,
  };
}

async function runContainer(home: Home, options: RunOptions): Promise<ExitStatus> {
  const { signal } = options;
  const { container, ends } = await makeContainer(home, options, "sync");
  const init = ends.init!;
  const end = (): void => void init.watched.send(SIGKILL);
  signal?.addEventListener("abort", end);
  try {
    await options.whileRunning?.(container);
    return await waitForEnd(init, { signal });
  } finally {
    signal?.removeEventListener("abort", end);
    await container.delete({ force: true });
  }
}
