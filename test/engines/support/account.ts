import { chownSync, existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { execute, runtime, scratch } from "../../integration/support/runtime.ts";

export type Account = {
  readonly uid: number;
  readonly home: string;
  /** Words of env that make the rest of its line a command of the account. */
  readonly words: readonly string[];
};

/** Adds a user with a home on the scratch directory and ids for user namespaces. */
export function addAccount(name: string): Account {
  const home = join(scratch, "home");
  command("useradd", ["--create-home", "--home-dir", home, "--shell", "/bin/sh", name]);
  const ids = execute("id", ["--user", name]).stdout.trim();
  const uid = Number(ids);
  const runtimeDirectory = `/run/user/${uid}`;
  mkdirSync("/run/user", { recursive: true });
  if (!existsSync(runtimeDirectory)) mkdirSync(runtimeDirectory, { mode: 0o700 });
  chownSync(runtimeDirectory, uid, uid);
  const variables = [`HOME=${home}`, `XDG_RUNTIME_DIR=${runtimeDirectory}`, `USER=${name}`];
  const flags = [`--reuid=${uid}`, `--regid=${uid}`, "--init-groups", "--inh-caps=-all", "--"];
  return { uid, home, words: [...variables, "setpriv", ...flags] };
}

/** The runtime at a place where everyone may enter; gives its path there. */
export function exposeRuntime(): string {
  const place = "/opt/runtime";
  mkdirSync(place, { recursive: true });
  command("mount", ["--bind", dirname(runtime), place]);
  return runtime.replace(dirname(runtime), place);
}

function command(name: string, args: readonly string[]): void {
  const { status, stderr } = execute(name, args);
  if (status !== 0) throw new Error(`${name} ${args.join(" ")}: ${stderr}`);
}
