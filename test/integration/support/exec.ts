import type { Test } from "tap";
import { prepare, type Config, type Container } from "./container.ts";
import type { Result, RunOptions } from "./runtime.ts";

/** A container to execute in. */
export type Running = Container & {
  /** `exec ID WORDS...`, with the flags in front. */
  exec(words: readonly string[], flags?: readonly string[], options?: RunOptions): Result;
};

/** Gives all that a container's root could have without a user namespace. */
export function powerful(config: Config): void {
  const all = [
    ..."CAP_SYS_PTRACE CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_KILL CAP_MKNOD".split(" "),
    ..."CAP_SYS_ADMIN CAP_CHOWN CAP_FOWNER CAP_SYS_CHROOT".split(" "),
  ];
  config.process.capabilities = { bounding: all, effective: all, permitted: all };
  config.process.noNewPrivileges = false;
}

/** A running container whose own process only waits. */
export function runContainer(
  test: Test,
  edit: (config: Config) => void = () => {},
  fill: (container: Container) => void = () => {},
): Running {
  const c = prepare(test, (config) => {
    config.process.args = ["sleep", "1000"];
    edit(config);
  });
  fill(c);
  const { status } = c.run(["--detach"]);
  if (status !== 0) throw new Error(`run: ${c.stderr()}`);
  return {
    ...c,
    exec: (words, flags = [], options) => c.call(["exec", ...flags, c.id, ...words], options),
  };
}
