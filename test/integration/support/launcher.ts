// The launcher and the engine told apart, where they do the same.
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Test } from "tap";
import { type Config, type Container, prepare } from "./container.ts";
import { type Result, runtime, scratch } from "./runtime.ts";

export const engineWasCalled = "the engine was called";

/** The launcher with an engine that only says that it was called. */
export function launcherAlone(): string {
  const directory = join(scratch, "alone");
  mkdirSync(join(directory, "lib/tsrun"), { recursive: true });
  cpSync(runtime, join(directory, "tsrun"));
  cpSync(join(dirname(runtime), "lib/tsrun/init"), join(directory, "lib/tsrun/init"));
  const engine = join(directory, "lib/tsrun/engine");
  writeFileSync(engine, `#!/bin/sh\necho ${engineWasCalled}\n`);
  chmodSync(engine, 0o755);
  return join(directory, "tsrun");
}

/** What a caller sees, with what differs between two containers taken out. */
export function seen(c: Container, { status, stdout, stderr }: Result, log: string): unknown {
  const neutral = (text: string): string =>
    text
      .replaceAll(c.id, "ID")
      .replaceAll(c.bundle, "BUNDLE")
      .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME")
      .replaceAll(/"pid": [1-9]\d*/g, '"pid": PID');
  const logged = existsSync(log) ? neutral(readFileSync(log, "utf8")) : "no log";
  return { status, stdout: neutral(stdout), stderr: neutral(stderr), logged };
}

/** A container that sleeps and was not started. */
export function sleeper(t: Test, edit: (config: Config) => void = () => {}): Container {
  const c = prepare(t, (config) => {
    config.process.args = ["sleep", "1000"];
    edit(config);
  });
  t.equal(c.create().status, 0, c.stderr());
  return c;
}
