// exec: one more process in a container. Nothing of the container changes, so its lock is not taken.
import { closeSync } from "node:fs";
import { resolve } from "node:path";

import type { ProcessFacts } from "../host/facts.ts";
import { readProcessFacts } from "../host/read.ts";
import { native } from "../native.ts";
import { planExec } from "../plan/exec.ts";
import { namespaceFlags } from "../plan/namespaces.ts";
import type { Plan } from "../plan/plan.ts";
import type { Linux } from "../spec/types.ts";
import { checkContainerId } from "../state/id.ts";
import type { State } from "../state/state.ts";
import { readState, stateDirectory } from "../state/store.ts";
import { canExec } from "../state/transitions.ts";
import { openForeground } from "../stdio/foreground.ts";
import { checkInherited } from "../stdio/inherited.ts";
import { dial } from "../stdio/sockets.ts";
import { checkTerminal } from "../stdio/terminal-use.ts";
import { readContainerConfig } from "./container-config.ts";
import { hostRoot } from "./container-root.ts";
import { openProcess } from "./destroy.ts";
import { openExecCgroup } from "./exec-cgroup.ts";
import { chooseProcess, type ProcessChoice, type Wanted } from "./exec-process.ts";
import { keepExec } from "./exec-verb.ts";
import { homeFor, needsHome } from "./home.ts";
import {
  cannotExec,
  joinContainer,
  type Joined,
  type Joining,
  letRun,
  refuseEnded,
  type Sockets,
} from "./join.ts";
import { containerSeccomp } from "./seccomp.ts";
import { statusOf } from "./status.ts";

export type ExecOptions = {
  readonly root: string;
  readonly id: string;
  readonly process: ProcessChoice;
  readonly detach: boolean;
  readonly pidFile?: string;
  readonly consoleSocket?: string;
  readonly pidfdSocket?: string;
  readonly preserveFds: number;
  /** The words of --cgroup. */
  readonly cgroups: readonly string[];
  readonly ignorePaused: boolean;
  readonly warn: (message: string) => void;
  readonly debug: (message: string) => void;
};

/** Runs a process in a container. In the foreground: stays with it to its end and returns its exit status. */
export function execInContainer(options: ExecOptions): number {
  native().closeOnExecFrom(3);
  return withJoining(options, options.detach ? runDetached : runForeground);
}

/** What is ready to join a container, and the ids on the host of the container's root. */
export type Prepared = {
  readonly joining: Omit<Joining, "stdio">;
  readonly pidFile?: string;
  readonly terminal: boolean;
  readonly owner: { readonly uid: number; readonly gid: number };
  /** To be called by the command line when the process runs, so that its launcher can do the same again. */
  readonly keep: (joined: Joined) => void;
};

/** Decides how a process joins a container and opens what that needs, for as long as `use` runs. */
export function withJoining<T>(options: ExecOptions, use: (prepared: Prepared) => T): T {
  checkContainerId(options.id);
  const state = readState(options.root, options.id);
  const directory = stateDirectory(options.root, options.id);
  const status = statusOf(state, directory);
  if (!canExec(status, options)) throw cannotExec(status);
  const wanted = chooseProcess(options.process, readContainerConfig(directory), state);
  const opened: Opened = { container: -1, cgroup: -1, sockets: { console: -1, pidfd: -1 } };
  try {
    return use(prepareJoining({ ...wanted, options, state }, opened));
  } catch (error) {
    throw wanted.locate(error);
  } finally {
    const { container, cgroup, sockets } = opened;
    for (const fd of [container, cgroup, sockets.console, sockets.pidfd])
      if (fd >= 0) closeSync(fd);
  }
}

type Exec = Wanted & { readonly options: ExecOptions; readonly state: State };
type Opened = { container: number; cgroup: number; readonly sockets: Sockets };

function prepareJoining(exec: Exec, opened: Opened): Prepared {
  const { options, state, process, config } = exec;
  checkTerminal({ process }, options, options);
  checkInherited(options.preserveFds);
  const container = openProcess(state.init);
  if (container === undefined) throw cannotExec("stopped");
  opened.container = container;
  const facts = readProcessFacts({});
  const plan = planJoin(exec, facts);
  refuseEnded(container); // what was read of its /proc was this process's
  const { cgroups: wanted, pidFile, warn, debug } = options;
  const cgroup = openExecCgroup({ state, wanted, warn });
  opened.cgroup = cgroup.fd;
  dialSockets(exec, opened.sockets);
  plan.warnings.forEach(({ message }) => warn(message));
  const { sockets } = opened;
  const { spec } = config;
  const owner = hostRoot(mapsOf(spec.linux), facts);
  return {
    joining: { plan, spec, state, container, cgroup, ids: facts, sockets, warn, debug },
    pidFile: pidFile === undefined ? undefined : resolve(pidFile),
    terminal: process.terminal === true,
    owner,
    keep: (joined) => keepFor(exec, facts, { joined, owner }),
  };
}

/** Keeps what was done for the launcher, where nothing of it was the caller's alone. */
function keepFor(
  { options, state, process, asked }: Exec,
  facts: ProcessFacts,
  { joined, owner }: { joined: Joined; owner: Prepared["owner"] },
): void {
  const { consoleSocket, pidfdSocket, cgroups, ignorePaused, detach } = options;
  if (consoleSocket || pidfdSocket || cgroups.length > 0 || ignorePaused) return;
  const directory = stateDirectory(options.root, options.id);
  const { encoded, joining } = joined;
  const { plan, cgroup } = joining;
  const lookedUp = needsHome(process);
  keepExec({ directory, state, asked, detach, plan, encoded, facts, cgroup, owner, lookedUp });
}

function runDetached({ joining, pidFile, keep }: Prepared): number {
  const joined = joinContainer({ ...joining, stdio: [0, 1, 2] });
  letRun(joined, pidFile);
  keep(joined);
  closeSync(joined.pidfd);
  return 0;
}

/** Starts the process and stays with it to its end. */
function runForeground({ joining, pidFile, terminal, owner, keep }: Prepared): number {
  const foreground = openForeground({ terminal, owner });
  try {
    const joined = joinContainer({ ...joining, stdio: foreground.stdio });
    foreground.attach(joined.console);
    letRun(joined, pidFile);
    keep(joined);
    const code = foreground.stay({ pid: joined.pid, pidfd: joined.pidfd });
    closeSync(joined.pidfd);
    return code;
  } finally {
    foreground.close();
  }
}

function planJoin({ process, config, options, state }: Exec, facts: ProcessFacts): Plan {
  const { spec } = config;
  return planExec(process, spec, facts, {
    namespaces: namespaceFlags(state.namespaces),
    preserveFds: options.preserveFds,
    seccomp: containerSeccomp(spec, facts.euid),
    terminal: process.terminal === true,
    rootfs: state.rootfs,
    keyring: state.keyring === false ? undefined : `_ses.${state.id}`,
    // As the container sees it now, with what is mounted there.
    home: homeFor(process, `/proc/${state.init!.pid}/root`),
    waits: true,
  });
}

function dialSockets({ options, base }: Exec, sockets: Sockets): void {
  const { consoleSocket, pidfdSocket } = options;
  if (consoleSocket)
    sockets.console = dial(resolve(base, consoleSocket), "cannot connect to the console socket");
  if (pidfdSocket)
    sockets.pidfd = dial(resolve(base, pidfdSocket), "cannot connect to the pidfd socket");
}

/** The id maps of a container that has a user namespace of its own. */
function mapsOf(linux: Linux | undefined): Parameters<typeof hostRoot>[0] {
  const { uidMappings: uid = [], gidMappings: gid = [] } = linux ?? {};
  return { uid, gid };
}
