import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Test } from "tap";
import {
  execute,
  type Result,
  type RunOptions,
  runtime,
  scratch,
} from "../../integration/support/runtime.ts";
import { sleep, until } from "../../integration/support/wait.ts";
import { type Daemon, startDaemon } from "./daemon.ts";
import { imageName, makeImage } from "./image.ts";

export type DockerOptions = {
  /** Members of daemon.json besides those that the lab needs. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Variables of the daemon's environment. */
  readonly env?: Readonly<Record<string, string>>;
};

export type Docker = {
  readonly daemons: readonly Daemon[];
  /** Where the runtime keeps the states of Docker's containers. */
  readonly runtimeRoot: string;
  /** Where the bundles are. */
  readonly tasks: string;
  docker(args: readonly string[], options?: RunOptions): Result;
  /** `docker run` without a network, which the lab has not; the container goes when it ends. */
  run(args: readonly string[], options?: RunOptions): Result;
  /** A line of sh with `docker` in it on a terminal of 30 rows and 100 columns. */
  onTerminal(line: string): Result;
  /** A container that stays, `sleep 1000` without a command; gives its id. */
  begin(name: string, args: readonly string[], command?: readonly string[]): string;
  /** What `docker inspect` says by a template. */
  inspect(container: string, template: string): string;
  /** Waits until `docker inspect` says so. */
  becomes(container: string, template: string, wanted: string): boolean;
};

const sleeps: readonly string[] = ["sleep", "1000"];

/** The name by which daemon.json knows the runtime under test. */
export const runtimeName = "under-test";

const place = join(scratch, "docker");
const socket = join(place, "docker.sock");
const containerdSocket = join(place, "containerd.sock");

/** The environment of a client of the daemon. */
export const clientEnv = {
  PATH: process.env.PATH ?? "",
  HOME: scratch,
  TERM: "xterm",
  DOCKER_HOST: `unix://${socket}`,
};

/** dockerd and containerd, all state below the scratch directory, and the image of busybox in it. */
export function startDocker(t: Test, options: DockerOptions = {}): Docker {
  const daemons = startDaemons(t, options);
  const words = ["load", "--quiet", "--input", makeImage()];
  const { status, stderr } = docker(words, { timeout: 300_000 });
  if (status !== 0)
    throw new Error(`docker load: ${stderr}\n${daemons.map((daemon) => daemon.log()).join("")}`);
  return {
    daemons,
    runtimeRoot: join(place, "exec/runtime-runc/moby"),
    tasks: join(place, "tasks/io.containerd.runtime.v2.task/moby"),
    docker,
    run: (args, more) => docker(["run", "--rm", "--network", "none", ...args], more),
    onTerminal,
    begin,
    inspect,
    becomes: (container, template, wanted) =>
      eventually(() => inspect(container, template) === wanted),
  };
}

function docker(args: readonly string[], options?: RunOptions): Result {
  return execute("docker", args, { timeout: 120_000, env: clientEnv, ...options });
}

function onTerminal(line: string): Result {
  const command = `stty rows 30 cols 100; ${line}`;
  const words = ["--quiet", "--return", "--command", command, "/dev/null"];
  return execute("script", words, { timeout: 120_000, env: clientEnv });
}

function begin(name: string, args: readonly string[], command = sleeps): string {
  const flags = ["--detach", "--name", name, "--network", "none"];
  const { stdout, stderr } = docker(["run", ...flags, ...args, imageName, ...command]);
  if (!/^[0-9a-f]{64}\n$/.test(stdout)) throw new Error(`docker run: ${stdout}${stderr}`);
  return stdout.trim();
}

function inspect(container: string, template: string): string {
  return docker(["inspect", "--format", template, container]).stdout.trim();
}

/** Waits for what is asked by `docker`, which leaves nothing to others when it is called all the time. */
export function eventually(condition: () => boolean): boolean {
  return until(() => condition() || (sleep(200), false), 120_000);
}

/** Daemons that had to be killed leave mounts of containers, and what is mounted cannot be removed. */
process.prependListener("exit", () => {
  const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n");
  const left = mounts.map((line) => line.split(" ")[1] ?? "").filter((at) => at.startsWith(place));
  for (const at of left.toReversed()) execute("umount", ["--lazy", at]);
});

/** containerd and dockerd alone; again after they ended they find their containers. */
export function startDaemons(t: Test, { config = {}, env = {} }: DockerOptions = {}): Daemon[] {
  mkdirSync(place, { recursive: true });
  const file = join(place, "daemon.json");
  writeFileSync(file, JSON.stringify({ ...labConfig(), ...config }));
  rmSync(socket, { force: true });
  rmSync(containerdSocket, { force: true });
  const places = ["--root", join(place, "containerd"), "--state", join(place, "tasks")];
  const words = ["--config", "/dev/null", ...places, "--address", containerdSocket];
  // one that dockerd starts itself has 15 seconds to do so, which may be too few here
  const containerd = startDaemon(t, ["containerd", ...words], { ready: containerdSocket });
  const dockerd = startDaemon(t, ["dockerd", "--config-file", file], {
    // it listens before it answers: the first client waits
    ready: socket,
    env: { ...process.env, ...env },
  });
  return [containerd, dockerd];
}

function labConfig() {
  return {
    runtimes: { [runtimeName]: { path: runtime } },
    "default-runtime": runtimeName,
    containerd: containerdSocket,
    hosts: [`unix://${socket}`],
    "data-root": join(place, "data"),
    "exec-root": join(place, "exec"),
    pidfile: join(place, "docker.pid"),
    "storage-driver": "overlay2",
    bridge: "none",
    iptables: false,
    ip6tables: false,
  };
}

/** What the runtime has left in its root. */
export function leftStates({ runtimeRoot }: Docker): string[] {
  try {
    return readdirSync(runtimeRoot);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** The containers that still have a cgroup, with the cgroupfs driver. */
export function leftCgroups(): string[] {
  return readdirSync("/sys/fs/cgroup/docker", { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
}

/** A command that needs far more memory than a container of these tests may have. */
export const hungry = ["sh", "-c", "x=$(head -c 60m /dev/zero | tail -c 60m); echo $?"];
