import { closeSync, existsSync, openSync } from "node:fs";

import { native } from "../native.ts";
import { callersNofile } from "./spawn.ts";
import { type Ending, supervise } from "./supervise.ts";

export type Program = {
  readonly file: string;
  readonly argv: readonly string[];
  readonly env: readonly string[];
  readonly cwd?: string;
  readonly input?: Uint8Array;
  readonly timeoutMs?: number;
  /** How much of the end of its output is kept. */
  readonly keptBytes?: number;
  readonly output?: OutputFiles;
};

/** Files for what a program writes: appended to, and made when they are not there. */
export type OutputFiles = { readonly stdout?: string; readonly stderr?: string };

/** Starts one process with these descriptors as its 0, 1 and 2, and gives its pidfd. */
export type Starter = (stdio: readonly [number, number, number]) => number;

/** Runs a program of the host to its end. */
export function runProgram(program: Program): Ending {
  return runWith(program, (stdio) => {
    return native().spawn({
      file: program.file,
      argv: program.argv,
      env: program.env,
      fds: stdio,
      cloneFlags: 0,
      cgroupFd: -1,
      cwd: program.cwd,
      nofile: callersNofile(),
    }).pidfd;
  });
}

/** Runs whatever `start` starts, with pipes for its output and its input. */
export function runWith(
  options: Pick<Program, "input" | "timeoutMs" | "keptBytes" | "output">,
  start: Starter,
): Ending {
  const { pidfd, stdin, stdout, stderr } = startWithPipes(options, start);
  const input = options.input && { fd: stdin, bytes: options.input };
  try {
    const { timeoutMs, keptBytes } = options;
    return supervise({ pidfd, stdout, stderr, input, timeoutMs, keptBytes });
  } finally {
    closeSync(pidfd);
  }
}

type Piped = { pidfd: number; stdin: number; stdout: number; stderr: number };

function startWithPipes(
  { input, output }: Pick<Program, "input" | "output">,
  start: Starter,
): Piped {
  const theirs: number[] = [];
  const ours: number[] = [];
  try {
    const [stdinRead, stdinWrite] =
      input === undefined ? [openSync("/dev/null", "r"), -1] : native().pipe();
    theirs.push(stdinRead);
    if (stdinWrite >= 0) ours.push(stdinWrite);
    const [stdout, stdoutWrite] = native().pipe();
    theirs.push(stdoutWrite);
    ours.push(stdout);
    const [stderr, stderrWrite] = native().pipe();
    theirs.push(stderrWrite);
    ours.push(stderr);
    return {
      pidfd: start([
        stdinRead,
        inPlaceOf(stdoutWrite, output?.stdout, theirs),
        inPlaceOf(stderrWrite, output?.stderr, theirs),
      ]),
      stdin: stdinWrite,
      stdout,
      stderr,
    };
  } catch (error) {
    for (const fd of ours) closeSync(fd);
    throw error;
  } finally {
    for (const fd of theirs) closeSync(fd);
  }
}

/** The file where one is named; the pipe is then closed with the others, unused. */
function inPlaceOf(pipe: number, file: string | undefined, opened: number[]): number {
  if (file === undefined) return pipe;
  const fd = openSync(file, "a", 0o600);
  opened.push(fd);
  return fd;
}

const usualDirectories = ["/usr/bin", "/bin", "/usr/local/bin", "/usr/sbin", "/sbin"];

/** Finds a program of the host in PATH; without a PATH, as some callers leave us, where programs usually are. */
export function findHostProgram(name: string): string | undefined {
  const path = process.env["PATH"];
  const directories = path
    ? path.split(":").filter((part) => part.startsWith("/"))
    : usualDirectories;
  return directories.map((directory) => `${directory}/${name}`).find((file) => existsSync(file));
}
