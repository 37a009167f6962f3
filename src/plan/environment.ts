import { TsrunError } from "../errors.ts";

export type EnvironmentOptions = {
  readonly extra?: readonly string[];
  /** Value of HOME where the environment has none or an empty one. */
  readonly home?: string;
  readonly pointer: string;
};

/** The environment of a process: each entry is NAME=value, the last of a name wins, HOME is there. */
export function planEnvironment(env: readonly string[], options: EnvironmentOptions): string[] {
  const byName = new Map<string, string>();
  for (const [index, entry] of env.entries()) {
    const name = checkEntry(entry, `${options.pointer}/${index}`);
    byName.delete(name);
    byName.set(name, entry);
  }
  for (const entry of options.extra ?? []) byName.set(checkEntry(entry, options.pointer), entry);
  const home = byName.get("HOME");
  if (options.home !== undefined && (home === undefined || home === "HOME=")) {
    byName.set("HOME", `HOME=${options.home}`);
  }
  return [...byName.values()];
}

/** The value of a variable; "" when it is not there. */
export function environmentValue(env: readonly string[], name: string): string {
  return env.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";
}

function checkEntry(entry: string, pointer: string): string {
  const end = entry.indexOf("=");
  if (end <= 0) {
    throw new TsrunError(
      "CONFIG_INVALID",
      `invalid environment variable ${JSON.stringify(entry)}: missing '='`,
      {
        pointer,
        hint: "write NAME=value",
      },
    );
  }
  if (entry.includes("\0")) {
    const message = `invalid environment variable ${JSON.stringify(entry)}: contains a NUL byte`;
    throw new TsrunError("CONFIG_INVALID", message, { pointer });
  }
  return entry.slice(0, end);
}
