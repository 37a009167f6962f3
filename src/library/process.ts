// exec: one more process in a container.
import { SIGKILL } from "../linux.ts";
import { parseSignal } from "../lifecycle/kill.ts";
import { watchProcess } from "./children.ts";
import { awaitEnd, waitForEnd } from "./exit.ts";
import { type Home, warnOf } from "./home.ts";
import { perform } from "./pool.ts";
import { requireLinux } from "./platform.ts";
import { letGo, openStdio, wired } from "./stdio.ts";
import { openTerminal } from "./terminal.ts";
import type { ContainerProcess, ExecOptions } from "./types.ts";
import type { ExecJob } from "./jobs.ts";

type Place = { readonly home: Home; readonly id: string; readonly cgroup: string | null };

/** Starts a process; `end` lets go of its streams. */
export async function execIn(
  { home, id, cgroup }: Place,
  options: ExecOptions,
): Promise<{ process: ContainerProcess; end: () => void }> {
  requireLinux();
  const wiring = openStdio(options.stdio);
  const held = await wired(wiring, () => {
    const job: ExecJob = {
      root: home.root,
      id,
      changes: changesOf(options),
      channels: wiring.channels,
      consoleSocket: options.consoleSocket,
      ignorePaused: options.ignorePaused ?? false,
      terminalSize: options.terminalSize,
    };
    return perform("exec", job, {
      signal: options.signal,
      undo: async ({ pid, pidfd, console }) => {
        if (console !== undefined) openTerminal(console).destroy();
        const watched = watchProcess(pid, pidfd);
        watched.send(SIGKILL);
        await waitForEnd(awaitEnd(watched, null));
      },
    });
  });
  held.warnings.forEach((message) => warnOf(home, id)(message));
  const terminal = held.console === undefined ? null : openTerminal(held.console);
  const { stdin, stdout, stderr } = wiring;
  const streams = { stdin, stdout, stderr, terminal };
  const awaited = awaitEnd(watchProcess(held.pid, held.pidfd), cgroup);
  const end = (): void => letGo(streams);
  const process: ContainerProcess = {
    pid: held.pid,
    ...streams,
    wait: (given) => waitForEnd(awaited, given),
    kill: (signal = "TERM") => void awaited.watched.send(parseSignal(signal)),
    async [Symbol.asyncDispose]() {
      awaited.watched.send(SIGKILL);
      await waitForEnd(awaited);
      end();
    },
  };
  return { process, end };
}

function changesOf(options: ExecOptions): ExecJob["changes"] {
  return {
    args: options.args,
    env: options.env ?? [],
    cwd: options.cwd,
    user: options.user,
    additionalGids: options.additionalGids ?? [],
    capabilities: options.capabilities ?? [],
    noNewPrivileges: options.noNewPrivileges,
    apparmorProfile: options.apparmorProfile,
    selinuxLabel: options.selinuxLabel,
    terminal: options.terminal ?? false,
  };
}
