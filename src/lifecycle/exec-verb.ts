// An exec that was done once, kept so that the launcher can do the same again without the engine: probes of a
// container's health run one program every few seconds. What it was decided from is in it, and is compared.
import {
  closeSync,
  constants,
  openSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";

import type { ProcessFacts } from "../host/facts.ts";
import { O_PATH, RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS } from "../linux.ts";
import { native } from "../native.ts";
import { encodePlan } from "../plan/encode.ts";
import type { Plan } from "../plan/plan.ts";
import { syncPoint, type Step } from "../plan/wire.ts";
import type { State } from "../state/state.ts";
import { canExec } from "../state/transitions.ts";
import { forwardedSignals } from "../stdio/foreground.ts";
import type { ExecCgroup } from "./exec-cgroup.ts";
import type { ProcessChanges } from "./exec-process.ts";
import { passwdPath } from "./home.ts";
import { buildIdBytes } from "./spawn.ts";
import { facts as statusFacts, madeWith, only, verb } from "./verbs.ts";

/** The files of the state directory, by a number from what is asked for: few, and the last one wins. */
export const execFile = "exec.";
export const execFiles = 16;

const maxKeyBytes = 128 << 10;
const userNamespace = "/proc/self/ns/user";

/** What was asked for: the text of a process file, or the words of a program. */
export type Asked =
  | { readonly kind: "file"; readonly text: string }
  | { readonly kind: "changes"; readonly changes: ProcessChanges };

export type DoneExec = {
  readonly directory: string;
  readonly state: State;
  readonly asked: Asked;
  readonly detach: boolean;
  readonly plan: Plan;
  /** The plan as init got it. */
  readonly encoded: Uint8Array;
  readonly facts: ProcessFacts;
  readonly cgroup: ExecCgroup;
  /** The container's root, to whom the pipes of a process in the foreground belong. */
  readonly owner: { readonly uid: number; readonly gid: number };
  /** HOME was looked up in the image. */
  readonly lookedUp: boolean;
};

/** Keeps an exec for the launcher, when it is one that the launcher can do. */
export function keepExec(done: DoneExec): void {
  const key = keyOf(done.asked);
  if (key === undefined || !isPlain(done)) return;
  const file = `${done.directory}/${execFile}${numberOf(key, done.detach)}`;
  const temporary = `${file}.new`;
  try {
    const content = encodePlan({ ops: compileExec(done, key), fds: [] }, buildIdBytes());
    writeFileSync(temporary, content, { mode: 0o600, flag: "wx" });
    renameSync(temporary, file);
  } catch {
    // The next one is the engine's, too. What another, who was killed, has left is out of its way then.
    discard(temporary);
  }
}

/** The program runs by now: nothing may fail any more. */
function discard(file: string): void {
  try {
    unlinkSync(file);
  } catch {
    // It is not there, or cannot be taken away: then nothing is kept.
  }
}

/** As native/launcher/key.c; undefined for what only the engine does. */
export function keyOf(asked: Asked): Uint8Array | undefined {
  const text = asked.kind === "file" ? `p${asked.text}` : wordsKey(asked.changes);
  const bytes = text === undefined ? undefined : Buffer.from(text);
  return bytes === undefined || bytes.length > maxKeyBytes ? undefined : bytes;
}

function wordsKey({ args, env, capabilities, additionalGids, ...others }: ProcessChanges) {
  const plain = env.length + capabilities.length + additionalGids.length === 0;
  const { terminal, ...absent } = others;
  if (!plain || terminal || Object.values(absent).some((value) => value !== undefined)) return;
  return `a${args.map((word) => `${word}\0`).join("")}`;
}

/** FNV-1a over the flags and the key. */
export function numberOf(key: Uint8Array, detach: boolean): number {
  let hash = Math.imul(2_166_136_261 ^ flagBits(detach), 16_777_619);
  for (const byte of key) hash = Math.imul(hash ^ byte, 16_777_619);
  return (hash >>> 0) % execFiles;
}

function flagBits(detach: boolean): number {
  return detach ? Number(verb("exec", "detach").flags) : 0;
}

/** Nothing in it that init would have to ask the engine for. */
function isPlain({ plan, facts, cgroup, state }: DoneExec): boolean {
  const [only, ...more] = plan.fds;
  return (
    facts.euid === 0 &&
    !facts.inUserNamespace &&
    state.init !== null &&
    state.resctrl === undefined &&
    cgroup.fd >= 0 &&
    cgroup.stayedOut !== true &&
    only?.kind === "container-pidfd" &&
    more.length === 0 &&
    plan.warnings.length === 0 &&
    !plan.host.console &&
    plan.host.listener === undefined &&
    !plan.ops.some((op) => op.op === "sync" && op.point !== syncPoint.start)
  );
}

function compileExec(done: DoneExec, key: Uint8Array): Step[] {
  const { directory, state, detach, encoded, cgroup, owner, lookedUp } = done;
  const init = state.init!;
  return [
    madeWith(directory),
    verb("exec", detach ? "detach" : undefined),
    { op: "is_asked", content: key },
    { op: "is_inode", path: userNamespace, inode: statSync(userNamespace, { bigint: true }).ino },
    ...statusFacts(state),
    ...only((status) => canExec(status, { ignorePaused: false })),
    ...(lookedUp ? [samePasswd(init.pid)] : []),
    {
      op: "join",
      ...init,
      cgroup: cgroup.path,
      plan: encoded,
      detach: detach ? 1 : 0,
      ownerUid: owner.uid,
      ownerGid: owner.gid,
      forward: forwardedSignals.reduce((mask, signal) => mask | (1n << BigInt(signal - 1)), 0n),
    },
  ];
}

/** HOME came from the image's passwd, which the container may change. */
function samePasswd(pid: number): Step {
  const step = { op: "same_below", pid, path: passwdPath } as const;
  const root = openSync(`/proc/${pid}/root`, O_PATH | constants.O_DIRECTORY);
  let fd = -1;
  try {
    const resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    fd = native().openat2(root, passwdPath, O_PATH, 0, resolve);
    const { ino, ctimeNs, size } = statSync(`/proc/self/fd/${fd}`, { bigint: true });
    return { ...step, inode: ino, changed: ctimeNs, size };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return { ...step, inode: 0, changed: 0, size: 0 };
  } finally {
    for (const opened of [fd, root]) if (opened >= 0) closeSync(opened);
  }
}
