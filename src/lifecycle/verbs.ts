// What `state`, `start`, `kill` and `delete` have to do for one container, decided when it has been made: the launcher
// executes it without the engine. What is not here, or not as expected then, is the engine's.
import { statSync, writeFileSync } from "node:fs";

import { SIGKILL, SIGTERM } from "../linux.ts";
import { encodePlan } from "../plan/encode.ts";
import type { Step } from "../plan/wire.ts";
import { hasOwnPidNamespace, type State } from "../state/state.ts";
import { deriveStatus, type Status } from "../state/status.ts";
import { writeState } from "../state/store.ts";
import { canDelete, canStart } from "../state/transitions.ts";
import { endPatienceMs } from "./destroy.ts";
import { buildIdBytes } from "./spawn.ts";
import { formatView, viewIn } from "./state.ts";

/** The commands, and their flags that a program may be for; the bit of a flag is its place here. */
export const compiledFlags = {
  state: [],
  start: [],
  kill: ["all"],
  delete: ["force"],
  exec: ["detach"],
} as const satisfies Readonly<Record<string, readonly string[]>>;

const frozen = 1;
const alive = 2;
const waiting = 4;
const allFacts = frozen | alive | waiting;
const noRule = 255;
const removalPatienceMs = 1000;

/** Writes state.json of a container that is whole, and the verbs that go with it. */
export function writeMadeState(directory: string, state: State): void {
  writeState(directory, state);
  const ops: Step[] = [madeWith(directory), ...compileVerbs(state)];
  writeFileSync(`${directory}/verbs`, encodePlan({ ops, fds: [] }, buildIdBytes()), {
    mode: 0o600,
  });
}

/** Binds programs to the state.json that is there now. */
export function madeWith(directory: string): Step {
  const { ino, ctimeNs, size } = statSync(`${directory}/state.json`, { bigint: true });
  return { op: "made_with", inode: ino, changed: ctimeNs, size };
}

/** The programs of a container that has been made. */
export function compileVerbs(state: State): Step[] {
  return [
    ...compileState(state),
    ...compileStart(state),
    ...compileKill(state),
    ...compileDelete(state),
  ];
}

/** Begins a program. */
export function verb(
  name: keyof typeof compiledFlags,
  flag?: string,
): Extract<Step, { op: "verb" }> {
  const flags = compiledFlags[name] as readonly string[];
  return {
    op: "verb",
    name,
    flags: flag === undefined ? 0 : 1 << flags.indexOf(flag),
    arguments: name === "kill" ? 1 : 0,
  };
}

/** Finds out what the status depends on. */
export function facts({ init, cgroup }: State): Step[] {
  return [
    ...(cgroup === null
      ? []
      : [
          {
            op: "fact_line",
            fact: frozen,
            path: `${cgroup.path}/cgroup.freeze`,
            line: "1",
          } as const,
        ]),
    { op: "fact_alive", fact: alive, ...init! },
    { op: "fact_file", fact: waiting, name: "exec.fifo" },
  ];
}

/** Every combination of facts with the status that it means. */
const meanings = Array.from({ length: allFacts + 1 }, (_, bits) => ({
  bits,
  status: deriveStatus({
    made: true,
    frozen: (bits & frozen) !== 0,
    initAlive: (bits & alive) !== 0,
    fifoExists: (bits & waiting) !== 0,
  }),
}));

/** Leaves every status to the engine but those that a command can deal with. */
export function only(allowed: (status: Status) => boolean): Step[] {
  return meanings
    .filter(({ status }) => !allowed(status))
    .map(({ bits }) => ({ op: "refuse", mask: allFacts, facts: bits }));
}

function compileState(state: State): Step[] {
  const texts = meanings.map(({ bits, status }): Step => {
    const content = formatView(viewIn(status, state, ""));
    return { op: "print", mask: allFacts, facts: bits, content };
  });
  return [verb("state"), ...facts(state), ...texts];
}

function compileStart(state: State): Step[] {
  if (state.hooks?.startContainer?.length || state.hooks?.poststart?.length) return [];
  if (state.process === false) return [];
  return [
    verb("start"),
    // Then start waits for the container to be ready.
    { op: "unless_set", variable: "NOTIFY_SOCKET" },
    { op: "lock" },
    ...facts(state),
    ...only(canStart),
    { op: "open_gate", name: "exec.fifo" },
  ];
}

function compileKill(state: State): Step[] {
  const { init, cgroup } = state;
  const reachable: Step[] = [
    ...facts(state),
    { op: "refuse", mask: alive, facts: 0 },
    // SIGKILL to what is frozen also thaws it.
    { op: "refuse", mask: frozen, facts: frozen },
  ];
  // Without a pid namespace of its own init's end leaves the other processes running: they are killed too.
  const one: Step[] = [
    verb("kill"),
    {
      op: "read_signal",
      fallback: SIGTERM,
      only: noRule,
      but: hasOwnPidNamespace(state) ? noRule : SIGKILL,
    },
    ...reachable,
    { op: "send_signal", ...init! },
  ];
  if (cgroup === null) return one;
  const all: Step[] = [
    verb("kill", "all"),
    { op: "read_signal", fallback: SIGTERM, only: SIGKILL, but: noRule },
    ...reachable,
    // init first, while it is known to live; the cgroup's end would be its end too.
    { op: "send_signal", ...init! },
    { op: "kill_cgroup", path: cgroup.path },
  ];
  return [...one, ...all];
}

function compileDelete(state: State): Step[] {
  const { init, cgroup, hooks, resctrl } = state;
  if (hooks?.poststop?.length || resctrl !== undefined || cgroup?.driver === "systemd") return [];
  const removal: Step[] = [
    ...(cgroup === null ? [] : [{ op: "kill_cgroup", path: cgroup.path } as const]),
    { op: "end_process", ...init!, waitMs: endPatienceMs },
    ...(cgroup === null
      ? []
      : [{ op: "remove_cgroup", path: cgroup.path, waitMs: removalPatienceMs } as const]),
    { op: "remove_state" },
  ];
  return [
    verb("delete"),
    { op: "lock" },
    ...facts(state),
    ...only(canDelete),
    ...removal,
    verb("delete", "force"),
    { op: "lock" },
    ...removal,
  ];
}
