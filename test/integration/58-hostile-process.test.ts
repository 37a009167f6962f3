// Processes of a container that want out, or want what belongs to the runtime.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import t from "tap";
import { addAttacker } from "./support/attacker.ts";
import { prepare, shell, type Config } from "./support/container.ts";
import { powerful, runContainer } from "./support/exec.ts";
import { findProgram } from "./support/host.ts";
import { addProbe } from "./support/probe.ts";
import { kind, notWith, runtime, scratch } from "./support/runtime.ts";
import { until } from "./support/wait.ts";

t.setTimeout(600_000); // the lab has one slow processor
chmodSync(scratch, 0o711); // the root of a user namespace has to get through

const execs = Number(process.env.TSRUN_RACES ?? 6);
const mapped = (config: Config): void => {
  config.linux.namespaces.push({ type: "user" });
  config.linux.uidMappings = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
  config.linux.gidMappings = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
};

/** The files of the runtime, and what is in them. */
function programs(): string[] {
  const directory = join(dirname(runtime), "lib/tsrun");
  const files = ["init", "tsrun.node", "prefault.so"].map((name) => join(directory, name));
  return [runtime, ...files]
    .filter((file) => existsSync(file))
    .map((file) => `${file} ${createHash("sha256").update(readFileSync(file)).digest("hex")}`);
}

t.test("no program of the host can be written to through /proc/PID/exe", async (t) => {
  const before = programs();
  const c = runContainer(
    t,
    (config) => {
      powerful(config);
      config.process.args = shell("attacker overwrite /tmp/stop > /tmp/written; sleep 1000");
    },
    addAttacker,
  );
  for (let round = 0; round < execs; round += 1) t.equal(c.exec(["true"]).status, 0);
  t.equal(c.exec(["/proc/self/exe"], [], { timeout: 20_000 }).status === null, false, "it ends");
  t.equal(c.exec(["touch", "/tmp/stop"]).status, 0);
  const written = () => readFileSync(join(c.rootfs, "tmp/written"), "utf8");
  t.ok(until(() => written().includes("seen")));
  t.notMatch(written(), /^wrote/m);
  t.not(Number(/seen (\d+)/.exec(written())?.[1]), 0, "it has seen the runtime's processes");
  t.strictSame(programs(), before);
});

t.test("an entrypoint that is /proc/self/exe has no program of the host", async (t) => {
  const before = programs();
  for (const make of [
    (file: string) => writeFileSync(file, "#!/proc/self/exe\n", { mode: 0o755 }),
    (file: string) => writeFileSync(file, "#!/proc/1/exe\n", { mode: 0o755 }),
    (file: string) => symlinkSync("/proc/self/exe", file),
  ]) {
    const c = prepare(t, (config) => {
      powerful(config);
      config.process.args = ["/evil"];
    });
    make(join(c.rootfs, "evil"));
    const { status } = c.run([], { timeout: 20_000 });
    t.not(status, 0);
    t.not(status, null, "it ends");
  }
  t.strictSame(programs(), before);
});

t.test("a working directory that is a descriptor of the runtime is refused", async (t) => {
  const own = `/proc/self/fd`;
  for (const [cwd, fill] of [
    [`${own}/3`, undefined],
    [`${own}/5`, undefined],
    [`${own}/7/../..`, undefined],
    ["/link", `${own}/6`],
    ["/link/etc", `${own}/8/../../..`],
  ] as const) {
    const c = prepare(t, (config) => {
      powerful(config);
      config.process.cwd = cwd;
      config.process.args = shell("ls -a . ..; cat etc/hostname");
    });
    if (fill !== undefined) symlinkSync(fill, join(c.rootfs, "link"));
    writeFileSync(join(c.bundle, "of-the-host"), "");
    const { status, stdout } = c.run([], { cwd: c.bundle });
    if (kind === "tsrun") t.not(status, 0, cwd);
    t.notMatch(stdout, /of-the-host|^boot$/m, cwd);
  }
});

t.test(
  "sysctl is written to a procfs of the runtime's own, not to what the image has",
  async (t) => {
    const c = prepare(t, (config) => {
      config.mounts = config.mounts.filter(({ destination }) => destination !== "/proc");
      config.mounts.push({ destination: "/real", type: "proc", source: "proc" });
      config.linux.sysctl = { "kernel.msgmax": "4321" };
      config.linux.maskedPaths = config.linux.readonlyPaths = [];
      config.process.args = shell("cat /proc/sys/kernel/msgmax /real/sys/kernel/msgmax");
    });
    const fake = join(c.rootfs, "proc/sys/kernel");
    mkdirSync(fake, { recursive: true });
    writeFileSync(join(fake, "msgmax"), "fake\n");
    const { status, stdout } = c.run();
    t.equal(readFileSync(join(fake, "msgmax"), "utf8"), "fake\n");
    if (kind === "tsrun") t.match({ status, stdout }, { status: 0, stdout: "fake\n4321\n" });
  },
);

t.test("exec writes nothing to a /proc that the container has replaced", async (t) => {
  const c = runContainer(t, (config) => {
    powerful(config);
    config.process.oomScoreAdj = 321;
    config.linux.readonlyPaths = [];
    const files = "self/attr/exec self/oom_score_adj self/setgroups thread-self/attr/exec sys/x";
    config.process.args = shell(
      `mount -t tmpfs fake /proc && for file in ${files}; do mkdir -p /proc/$(dirname $file); echo fake > /proc/$file; done; touch /tmp/ready; sleep 1000`,
    );
  });
  t.ok(until(() => existsSync(join(c.rootfs, "tmp/ready"))));
  const done = c.exec(shell("grep -rL '^fake$' /proc; grep -r '^fake$' /proc | wc -l"));
  if (kind === "tsrun") t.match(done, { status: 0, stdout: "5\n" });
  t.notMatch(done.stdout, "/proc/");
  const pidFile = join(c.bundle, "exec-pid");
  const output = { stdout: "/dev/null", stderr: "/dev/null" };
  const { status } = c.exec(["sleep", "100"], ["--detach", "--pid-file", pidFile], { output });
  if (kind === "tsrun") t.equal(status, 0);
  if (status !== 0) return;
  const pid = readFileSync(pidFile, "utf8").trim();
  // crun gives what is executed the score of its caller.
  if (kind !== "crun") t.equal(readFileSync(`/proc/${pid}/oom_score_adj`, "utf8"), "321\n");
});

t.test("init cannot be traced on its way in, by the root of a user namespace", async (t) => {
  const c = runContainer(
    t,
    (config) => {
      powerful(config);
      mapped(config);
      config.process.args = shell("attacker attach /tmp/stop > /tmp/attached; sleep 1000");
    },
    (c) => {
      addAttacker(c);
      chmodSync(join(c.rootfs, "tmp"), 0o777);
    },
  );
  // What was traced after it became a program of the image is the container's own.
  for (let round = 0; round < execs; round += 1) c.exec(["true"], [], { timeout: 20_000 });
  writeFileSync(join(c.rootfs, "tmp/stop"), "");
  const attached = () => readFileSync(join(c.rootfs, "tmp/attached"), "utf8");
  t.ok(until(() => attached().includes("tried")));
  t.not(Number(/tried (\d+)/.exec(attached())?.[1]), 0);
  t.notMatch(attached(), /memfd|runc|crun|tsrun/);
});

t.test("a neighbour in the same pid namespace cannot open the gate", async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["sleep", "100"]));
  t.equal(c.create().status, 0, c.stderr());
  const neighbour = prepare(t, (config) => {
    const path = `/proc/${c.state().pid}/ns/pid`;
    config.linux.namespaces = config.linux.namespaces.map((namespace) =>
      namespace.type === "pid" ? { ...namespace, path } : namespace,
    );
    config.linux.maskedPaths = config.linux.readonlyPaths = [];
    const open = "for fd in /proc/1/fd/*; do echo > $fd; done; cat /proc/1/environ /proc/1/maps";
    config.process.args = shell(`${open}; readlink /proc/1/exe /proc/1/cwd; true`);
  });
  const { status, stdout, stderr } = neighbour.run([], { timeout: 15_000 });
  t.equal(stdout, "", "it can see nothing of it");
  // runc's init is dumpable without a user namespace: some of its descriptors can be opened.
  if (kind !== "runc") {
    t.equal(status, 0, stderr);
    t.match(stderr, /Permission denied/);
    t.notMatch(stderr, /No such device|Is a directory/);
  }
  t.equal(c.status(), "created");
  t.equal(c.start().status, 0);
  t.equal(c.status(), "running");
});

t.test(
  "a fifo that is full does not hold up start",
  { skip: notWith("runc", "start hangs") || notWith("crun", "start hangs") },
  async (t) => {
    for (const [what, flags] of [
      ["by the launcher", []],
      ["by the engine", ["--debug"]],
    ] as const) {
      const c = prepare(t, (config) => (config.process.args = ["sleep", "100"]));
      t.equal(c.create().status, 0, c.stderr());
      const { pid } = c.state();
      process.kill(pid, "SIGSTOP");
      const fifo = openSync(
        join(c.root, c.id, "exec.fifo"),
        constants.O_RDWR | constants.O_NONBLOCK,
      );
      t.throws(() => {
        for (;;) writeSync(fifo, Buffer.alloc(4096));
      }, /EAGAIN/);
      t.match(c.call([...flags, "start", c.id]), { status: 0 }, what);
      closeSync(fifo);
      process.kill(pid, "SIGCONT");
      t.equal(c.status(), "running");
      t.equal(c.call(["start", c.id]).status, 1, "once");
    }
  },
);

t.test("the keys of a container are nothing to another one", async (t) => {
  const owner = runContainer(t, () => {}, addAttacker);
  const key = owner.exec(["attacker", "key-add", "secret"]).stdout.trim();
  t.match(key, /^\d+$/);
  const other = prepare(t, (config) => (config.process.args = ["attacker", "key-read", key]));
  addAttacker(other);
  const { stdout } = other.run();
  t.equal(stdout.match(/^(read|update|link|chown) errno \d+$/gm)?.length, 4, stdout);
});

t.test(
  "a container can neither see its seccomp listener nor make one of its own",
  {
    skip: findProgram("python3") === null && "needs python3",
  },
  async (t) => {
    const c = prepare(t);
    const socket = join(c.bundle, "agent");
    c.configure((config) => {
      powerful(config);
      config.linux.seccomp = {
        defaultAction: "SCMP_ACT_ALLOW",
        listenerPath: socket,
        syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_NOTIFY" }],
      };
      config.process.args = shell("probe fds; attacker listener; ls -l /proc/*/fd | grep -c secc");
    });
    addProbe(c);
    addAttacker(c);
    const agent = spawn("python3", ["-c", holder, socket], { stdio: "ignore" });
    t.teardown(() => agent.kill("SIGKILL"));
    t.ok(until(() => existsSync(socket)));
    t.equal(c.run([], { timeout: 20_000 }).stdout, "0 1 2 \nerrno 16\n0\n");
  },
);

/** Takes a listener and keeps it. */
const holder = `
import socket, sys, time
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen()
connection, _ = server.accept()
held = socket.recv_fds(connection, 65536, 8)
time.sleep(60)
`;
