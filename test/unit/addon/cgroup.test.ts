import { closeSync, mkdirSync, openSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";

import t from "tap";

import { addon, asRoot, runShell, spawnSleeper } from "./support.ts";

const mount = /^(?:\S+ ){4}(\S+) .* - cgroup2 /m.exec(
  readFileSync("/proc/self/mountinfo", "utf8"),
)?.[1];
const skip = asRoot || (mount === undefined && "needs a cgroup v2 tree");
const path = join(mount ?? "", `tsrun-addon-${process.pid}`);

/** A program that answers every access to a device with one result. */
function loadAnswer(result: 0 | 1): number {
  return addon.bpfLoadDevice(
    Buffer.from([0xb7, 0, 0, 0, result, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0]),
    "answer",
  );
}

function withCgroup(use: (fd: number) => void): void {
  mkdirSync(path);
  const fd = openSync(path, "r");
  try {
    use(fd);
  } finally {
    closeSync(fd);
    rmdirSync(path);
  }
}

t.test("a child is born in the cgroup", { skip }, (t) => {
  withCgroup((cgroupFd) => {
    const { pid, pidfd } = spawnSleeper({ cgroupFd });
    t.equal(readFileSync(join(path, "cgroup.procs"), "utf8"), `${pid}\n`);
    addon.pidfdSendSignal(pidfd, 9);
    addon.waitPidfd(pidfd, false);
    closeSync(pidfd);
  });
  t.end();
});

t.test("a device program takes the place of the one before", { skip }, (t) => {
  withCgroup((cgroupFd) => {
    const readsZero = () => {
      const { output } = runShell("head -c 1 /dev/zero | wc -c", { cgroupFd });
      return output.includes("1\n");
    };
    t.equal(readsZero(), true, "without a program");
    for (const [result, expected] of [
      [0, false],
      [1, true],
      [0, false],
    ] as const) {
      const program = loadAnswer(result);
      addon.bpfReplaceDevice(cgroupFd, program);
      closeSync(program);
      t.equal(readsZero(), expected, `with a program that answers ${result}`);
    }
  });
  t.end();
});

t.test("what is no cgroup takes no program", { skip }, (t) => {
  const program = loadAnswer(1);
  const directory = openSync("/tmp", "r");
  t.throws(() => addon.bpfReplaceDevice(directory, program), {
    code: "EBADF",
    syscall: "bpf(BPF_PROG_QUERY)",
  });
  closeSync(directory);
  closeSync(program);
  t.end();
});
