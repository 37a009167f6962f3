import { readFileSync } from "node:fs";

/** How many of the last errors are told. */
const shownErrors = 3;

/** The last error lines of a log of CRIU, without time stamps and places in its sources. */
export function lastErrors(log: string): string[] {
  const errors = log.split("\n").flatMap((line) => {
    const found = /^(?:\([\d.]+\)\s*)?(?:\s*\d+: )?Error \([^)]*\): (.*)$/.exec(line);
    return found?.[1] ? [found[1].trim()] : [];
  });
  return [...new Set(errors)].slice(-shownErrors);
}

/** Reads a log in an open directory; "" when there is none. */
export function readLog(directory: number, file: string): string {
  try {
    return readFileSync(`/proc/self/fd/${directory}/${file}`, "utf8");
  } catch {
    return "";
  }
}

const hints: readonly (readonly [RegExp, string])[] = [
  [
    /execvp\("ip6?tables-restore".*No such file|iptables-restore returned/,
    'CRIU blocks the network meanwhile with iptables: install it, or write "network-lock skip" (or nftables) into /etc/criu/runc.conf',
  ],
  [
    /Unexpected rt vDSO area bounds|Could not initialize kernel features detection/,
    "this CRIU does not know this kernel: install a newer one",
  ],
  [
    /kcmp failed: Function not implemented/,
    "the kernel was built without CONFIG_CHECKPOINT_RESTORE: no CRIU can work here",
  ],
  [/Connected TCP socket/, "give --tcp-established, or --tcp-skip-in-flight"],
  [/External socket is used/, "give --ext-unix-sk"],
  [/Some file locks are hold/, "give --file-locks"],
  [/Can't dump half of stream unix connection/, "give --ext-unix-sk"],
  [
    /Can't lookup mount=-?\d+ for fd=[012] /,
    "stdin, stdout or stderr is a file of the host: CRIU can save pipes, terminals and files of the container",
  ],
  [
    /Unable to open \S+\.img: Permission denied/,
    "the root of the container's user namespace must be able to enter the directory of the images: chmod o+x",
  ],
  [/shell job|is a shell job|Found dangling tty/, "give --shell-job"],
];

/** What to do about errors that are often met. */
export function hintFor(log: string): string | undefined {
  return hints.find(([pattern]) => pattern.test(log))?.[1];
}
