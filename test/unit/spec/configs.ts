// Configurations for the tests of src/spec.
import { readFileSync } from "node:fs";
import { join } from "node:path";

// oxlint-disable-next-line typescript/no-explicit-any -- tests write what no type allows
export type Config = any;

const fixtures = join(import.meta.dirname, "../../fixtures/config");

/** Text of a configuration that an engine wrote. */
export function fixture(name: string): string {
  return readFileSync(join(fixtures, `${name}.json`), "utf8");
}

/** A configuration with nothing to find in it, after an edit. */
export function config(edit: (config: Config) => void = () => {}): Config {
  const value: Config = {
    ociVersion: "1.3.0",
    process: { cwd: "/", args: ["sh"] },
    root: { path: "rootfs" },
    mounts: [],
    linux: {
      namespaces: ["pid", "mount", "uts", "ipc", "network"].map((type) => ({ type })),
    },
  };
  edit(value);
  return value;
}

/** As text; bigints are written as numbers, and `raw` text as it is. */
export function write(value: unknown): string {
  const text = JSON.stringify(
    value,
    (_key, member: unknown) => (typeof member === "bigint" ? raw(String(member)) : member),
    2,
  );
  return text.replaceAll(/"raw<(.*?)>"/g, "$1");
}

/** JSON text that JavaScript would not write, such as 1e3. */
export function raw(text: string): string {
  return `raw<${text}>`;
}
