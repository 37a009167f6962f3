import { TsrunError } from "../errors.ts";
import { execInContainer, type ExecOptions } from "../lifecycle/exec.ts";
import type { ProcessChanges, ProcessChoice } from "../lifecycle/exec-process.ts";
import type { Invocation } from "./invocation.ts";

type Exec = Invocation<"exec">;

/** tsrun exec */
export async function exec(invocation: Exec): Promise<number> {
  const choice = await chooseProcess(invocation);
  return execInContainer({ ...optionsOf(invocation), process: choice });
}

function optionsOf({ flags, args, log, root }: Exec): Omit<ExecOptions, "process"> {
  return {
    root: root.path,
    id: args[0]!,
    detach: flags.detach,
    pidFile: flags["pid-file"] || undefined,
    consoleSocket: flags["console-socket"] || undefined,
    pidfdSocket: flags["pidfd-socket"] || undefined,
    preserveFds: flags["preserve-fds"],
    cgroups: flags.cgroup,
    ignorePaused: flags["ignore-paused"],
    warn: log.warn,
    debug: log.debugging,
  };
}

/** With --process all that shapes a process comes from the file, as with runc. */
async function chooseProcess({ flags, args }: Exec): Promise<ProcessChoice> {
  const file = flags.process;
  if (file) {
    const { loadProcess } = await import("../spec/process-file.ts");
    return () => loadProcess(file);
  }
  return changesOf(flags, args.slice(1));
}

function changesOf(flags: Exec["flags"], args: readonly string[]): ProcessChanges {
  return {
    args,
    terminal: flags.tty,
    cwd: flags.cwd || undefined,
    env: flags.env,
    capabilities: flags.cap,
    additionalGids: flags["additional-gids"].map(parseGroup),
    user: flags.user ? parseUser(flags.user) : undefined,
    apparmorProfile: flags.apparmor || undefined,
    selinuxLabel: flags["process-label"] || undefined,
    noNewPrivileges: flags["no-new-privs"],
  };
}

/** UID or UID:GID. Names are the image's business, which tsrun does not ask. */
export function parseUser(text: string): { uid: number; gid?: number } {
  const end = text.indexOf(":");
  if (end < 0) return { uid: parseId(text, "uid") };
  return { uid: parseId(text.slice(0, end), "uid"), gid: parseId(text.slice(end + 1), "gid") };
}

function parseGroup(text: string): number {
  if (/^-\d+$/.test(text)) {
    throw new TsrunError("USAGE", `additional-gids must be a positive number ${text}`);
  }
  return parseId(text, "gid");
}

function parseId(text: string, what: "uid" | "gid"): number {
  const id = Number(text);
  if (/^\d+$/.test(text) && id < 0xffff_ffff) return id;
  throw new TsrunError("USAGE", `bad ${what}: parsing ${JSON.stringify(text)}: invalid syntax`, {
    hint: "users and groups are given as numbers: --user UID[:GID], --additional-gids GID",
  });
}
