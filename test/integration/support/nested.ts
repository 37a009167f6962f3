// The runtime in a container of its own. The outer container has the programs and libraries of the host, and the runtime.
import { chmodSync, existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";

import type { Test } from "tap";

import { baseConfig, type Config, makeRootfs } from "./bundle.ts";
import { prepare, shell, writeConfig } from "./container.ts";
import { powerful } from "./exec.ts";
import { execute, type Result, runtime, scratch } from "./runtime.ts";

/** Lets a container have a runtime in it: all capabilities, nothing hidden, the host's programs, a cgroup of its own. */
export function host(config: Config, inner: string): void {
  powerful(config);
  // All sets are one list. CAP_SETFCAP: the kernel's condition for mapping id 0 into a user namespace.
  config.process.capabilities!.bounding!.push(
    ..."CAP_SETUID CAP_SETGID CAP_SETPCAP CAP_SETFCAP CAP_NET_ADMIN CAP_AUDIT_WRITE CAP_NET_BIND_SERVICE".split(
      " ",
    ),
  );
  config.linux.maskedPaths = [];
  config.linux.readonlyPaths = [];
  config.linux.namespaces.push({ type: "cgroup" });
  config.root.readonly = false;
  const bind = (path: string, access: string) =>
    config.mounts.push({
      destination: path,
      source: path,
      type: "bind",
      options: ["rbind", access],
    });
  for (const path of ["/usr", "/lib", "/lib64"]) if (existsSync(path)) bind(path, "ro");
  bind(dirname(runtime), "ro");
  bind(inner, "rw");
  config.mounts.push({
    destination: "/sys/fs/cgroup",
    source: "cgroup",
    type: "cgroup",
    options: ["rw", "nosuid", "noexec", "nodev"],
  });
  // Controllers can be had below a cgroup that has no process itself.
  config.process.args = shell(
    "mkdir /sys/fs/cgroup/init && echo 1 > /sys/fs/cgroup/init/cgroup.procs; exec sleep 1000",
  );
}

/** A bundle for the container in the container. */
export function innerBundle(name: string, edit: (config: Config) => void): string {
  const bundle = join(scratch, name);
  mkdirSync(join(bundle, "rootfs"), { recursive: true });
  makeRootfs(join(bundle, "rootfs"));
  const config = baseConfig();
  config.hostname = "inner";
  edit(config);
  writeConfig(bundle, config);
  return bundle;
}

export type Call = (args: readonly string[], flags?: readonly string[]) => Result;

/** Calls the runtime inside, with files for output: an exec lasts as long as something holds its pipes. */
export function runtimeIn(call: Call): (...args: string[]) => Result {
  const script = '"$@" > /tmp/out 2> /tmp/err; code=$?; cat /tmp/out; cat /tmp/err >&2; exit $code';
  return (...args) => call([...shell(script), "sh", runtime, "--root", "/run/inner", ...args]);
}

/** An outer container that runs, and how to call programs in it. */
export function outer(test: Test, edit: (config: Config) => void): Call {
  chmodSync(scratch, 0o711);
  const c = prepare(test, edit);
  c.configure(({ linux }) => {
    const id = linux.uidMappings?.[0]?.hostID;
    if (id !== undefined) execute("chown", ["-R", `${id}:${id}`, c.rootfs]); // its root makes the mount points
  });
  c.configure((config) => (config.linux.cgroupsPath = `/tests/${c.id}`));
  const { status } = c.run(["--detach"]);
  if (status !== 0) throw new Error(c.stderr());
  return (args, flags = []) => c.call(["exec", ...flags, c.id, ...args]);
}
