import { spawn } from "node:child_process";
import { readFileSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import type { Seccomp, SeccompSyscall } from "../../src/spec/types.ts";
import type { Config } from "./support/bundle.ts";
import { prepare, shell } from "./support/container.ts";
import { findProgram } from "./support/host.ts";
import { kind, notWith } from "./support/runtime.ts";
import { until } from "./support/wait.ts";

const native = process.arch === "arm64" ? "SCMP_ARCH_AARCH64" : "SCMP_ARCH_X86_64";
const mkdir = ["mkdir", "mkdirat"];

const profile = (...syscalls: NonNullable<Seccomp["syscalls"]>): Seccomp => ({
  defaultAction: "SCMP_ACT_ALLOW",
  architectures: [native],
  syscalls,
});

const withProfile = (seccomp: Seccomp, script: string) => (config: Config) => {
  config.linux.seccomp = seccomp;
  config.process.args = shell(script);
};

t.test("a system call is denied with the errno of the profile", async (t) => {
  for (const [errnoRet, text] of [
    [undefined, "Operation not permitted"],
    [38, "Function not implemented"],
    [13, "Permission denied"],
  ] as const) {
    const rule = { names: mkdir, action: "SCMP_ACT_ERRNO", ...(errnoRet && { errnoRet }) } as const;
    const c = prepare(t, withProfile(profile(rule), "mkdir /tmp/x; touch /tmp/y && echo ok"));
    t.match(c.run(), { status: 0, stdout: "ok\n", stderr: text });
  }
});

t.test("a forbidden system call kills", async (t) => {
  const action = "SCMP_ACT_KILL_PROCESS";
  const c = prepare(t, withProfile(profile({ names: mkdir, action }), "mkdir /tmp/x; echo $?"));
  t.match(c.run(), { stdout: "159\n" });
  const first = prepare(t, withProfile(profile({ names: mkdir, action }), ""));
  first.configure((config) => (config.process.args = ["mkdir", "/tmp/x"]));
  t.equal(first.run().status, 159);
});

t.test("conditions on arguments", async (t) => {
  // Netlink sockets are of family 16.
  const netlink = profile({
    names: ["socket"],
    action: "SCMP_ACT_ERRNO",
    args: [{ index: 0, value: 16, op: "SCMP_CMP_EQ" }],
  });
  const c = prepare(t, withProfile(netlink, "ip link; nc -l -p 1 -w 1"));
  t.match(c.run().stderr, /socket.*Operation not permitted\n(.*\n)*nc: timed out/);
});

t.test("masked comparison of an argument", async (t) => {
  // chmod with the setuid bit, of any other bits.
  const denied = (names: string[], index: number) => ({
    names,
    action: "SCMP_ACT_ERRNO" as const,
    args: [{ index, value: 0o4000, valueTwo: 0o4000, op: "SCMP_CMP_MASKED_EQ" as const }],
  });
  const rules = [denied(["chmod", "fchmod"], 1), denied(["fchmodat", "fchmodat2"], 2)];
  const script = "touch /tmp/f; chmod 4755 /tmp/f; chmod 755 /tmp/f && echo ok";
  const c = prepare(t, withProfile(profile(...rules), script));
  t.match(c.run(), { stdout: "ok\n", stderr: /Operation not permitted/ });
});

t.test("names that libseccomp does not know are passed over", async (t) => {
  const rule = { names: ["frobnicate", ...mkdir], action: "SCMP_ACT_ERRNO" as const };
  const c = prepare(t, withProfile(profile(rule), "mkdir /tmp/x"));
  t.match(c.run(), { status: 1, stderr: "Operation not permitted" });
});

t.test("the filter is there with and without noNewPrivileges", async (t) => {
  for (const on of [true, false]) {
    const rule = { names: mkdir, action: "SCMP_ACT_ERRNO" } as const;
    const c = prepare(t, withProfile(profile(rule), "grep Seccomp: /proc/self/status; mkdir /x"));
    c.configure((config) => {
      config.process.noNewPrivileges = on;
      config.process.user = { uid: 1000, gid: 1000 };
    });
    t.match(c.run(), { stdout: "Seccomp:\t2\n", stderr: "Operation not permitted" });
  }
});

t.test(
  "a profile need not allow what the runtime does to enter the working directory",
  { skip: notWith("runc", "calls getcwd after it installed the filter") },
  async (t) => {
    const action = "SCMP_ACT_ERRNO";
    const rule = { names: ["chdir", "getcwd"], action } satisfies SeccompSyscall;
    const c = prepare(t, withProfile(profile(rule), "echo ran; cd /tmp"));
    t.match(c.run(), { stdout: "ran\n", stderr: "Operation not permitted" });
  },
);

t.test("without a profile there is no filter", async (t) => {
  const c = prepare(
    t,
    (config) => (config.process.args = ["grep", "Seccomp:", "/proc/self/status"]),
  );
  t.equal(c.run().stdout, "Seccomp:\t0\n");
});

t.test("the second container with a profile gets the same filter", async (t) => {
  for (let i = 0; i < 2; i += 1) {
    const rule = { names: mkdir, action: "SCMP_ACT_ERRNO", errnoRet: 30 } as const;
    const c = prepare(t, withProfile(profile(rule), "mkdir /x"));
    t.match(c.run(), { status: 1, stderr: "Read-only file system" });
  }
});

t.test("what no profile can say is refused", async (t) => {
  const good = { names: mkdir, action: "SCMP_ACT_ERRNO" };
  const cases = [
    { defaultAction: "SCMP_ACT_FROB" },
    { defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_FROB"], syscalls: [good] },
    { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: mkdir, action: "SCMP_ACT_FROB" }] },
    {
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [{ ...good, args: [{ index: 0, value: 1, op: "SCMP_CMP_FROB" }] }],
    },
  ];
  for (const seccomp of cases) {
    const c = prepare(t, (config) => (config.linux.seccomp = seccomp as Seccomp));
    t.equal(c.run().status, 1, JSON.stringify(seccomp));
  }
});

t.test("the profile of Docker", async (t) => {
  const file = join(import.meta.dirname, "../fixtures/config/docker.json");
  const { linux } = JSON.parse(readFileSync(file, "utf8")) as Config;
  const script =
    "unshare -U true; mount -t tmpfs x /tmp; echo $(ls / | wc -l) && grep Seccomp_f /proc/self/status";
  const c = prepare(t, withProfile(linux.seccomp!, script));
  const { status, stdout, stderr } = c.run();
  t.equal(status, 0);
  t.match(stdout, /^[1-9]\d*\nSeccomp_filters:\t1\n$/);
  t.match(stderr, /mount.*([Pp]ermission denied|not permitted)/);
});

const needsPython = findProgram("python3") === null ? "needs python3" : false;

t.test("an agent gets the notify descriptor and the state", { skip: needsPython }, async (t) => {
  const c = prepare(t);
  const socket = join(c.bundle, "agent");
  c.configure(
    withProfile(
      {
        ...profile({ names: mkdir, action: "SCMP_ACT_NOTIFY" }),
        listenerPath: socket,
        listenerMetadata: "some data",
      },
      "mkdir /tmp/x",
    ),
  );
  const received = join(c.bundle, "received");
  const agent = spawn("python3", ["-c", agentScript, socket, received], { stdio: "ignore" });
  t.teardown(() => agent.kill("SIGKILL"));
  t.ok(
    until(() => exists(socket)),
    "the agent listens",
  );
  t.match(c.run([], { timeout: 20_000 }), {
    status: 1,
    stderr: "Operation not supported",
  });
  const { descriptors, message } = JSON.parse(readFileSync(received, "utf8")) as Received;
  t.equal(descriptors, 1);
  t.match(message, {
    fds: ["seccompFd"],
    metadata: "some data",
    state: { id: c.id, status: "creating", bundle: c.bundle },
  });
  t.equal(message.pid, message.state.pid);
});

t.test(
  "without its agent a profile that notifies fails",
  { skip: notWith("crun", "other texts") },
  async (t) => {
    const rule = { names: mkdir, action: "SCMP_ACT_NOTIFY" } as const;
    const missing = prepare(
      t,
      withProfile({ ...profile(rule), listenerPath: "/nowhere/agent" }, "true"),
    );
    const failed = missing.run();
    t.equal(failed.status, 1);
    if (kind === "tsrun") t.match(failed.stderr, "/nowhere/agent");
    const unnamed = prepare(t, withProfile(profile(rule), "true"));
    t.equal(unnamed.run().status, 1);
  },
);

t.test("exec: the same filter, and an agent of its own", { skip: needsPython }, async (t) => {
  const c = prepare(t);
  const socket = join(c.bundle, "agent");
  const notifying = {
    ...profile({ names: mkdir, action: "SCMP_ACT_NOTIFY" }),
    listenerPath: socket,
    listenerMetadata: "some data",
  };
  c.configure(withProfile(notifying, "exec sleep 1000"));
  const start = (name: string) => {
    const received = join(c.bundle, name);
    const agent = spawn("python3", ["-c", agentScript, socket, received], { stdio: "ignore" });
    t.teardown(() => agent.kill("SIGKILL"));
    t.ok(
      until(() => exists(socket)),
      "the agent listens",
    );
    return received;
  };
  start("first");
  t.equal(c.run(["--detach"]).status, 0);
  unlinkSync(socket);
  const received = start("second");
  t.match(c.call(["exec", c.id, "mkdir", "/tmp/x"], { timeout: 20_000 }), {
    status: 1,
    stderr: "Operation not supported",
  });
  const { message } = JSON.parse(readFileSync(received, "utf8")) as Received;
  t.match(message, {
    fds: ["seccompFd"],
    metadata: "some data",
    state: { id: c.id, status: "running", bundle: c.bundle },
  });
  t.not(message.pid, c.state().pid, "the pid of the new process");
  unlinkSync(socket);
  const { status, stderr } = c.call(["exec", c.id, "true"]);
  t.equal(status, 255, "without an agent nothing runs");
  if (kind === "tsrun") t.match(stderr, socket);
});

t.test("exec: the filter is there with and without no_new_privs", async (t) => {
  for (const noNewPrivileges of [true, false]) {
    const rule = { names: mkdir, action: "SCMP_ACT_ERRNO", errnoRet: 38 } as const;
    const c = prepare(t, (config) => {
      withProfile(profile(rule), "exec sleep 1000")(config);
      config.process.noNewPrivileges = noNewPrivileges;
    });
    t.equal(c.run(["--detach"]).status, 0);
    const made = c.call(["exec", "--user", "1000", c.id, "mkdir", "/tmp/x"]);
    t.match(made, { status: 1, stderr: "Function not implemented" });
  }
});

type Received = {
  descriptors: number;
  message: { pid: number; state: { pid: number } };
};

/** Takes one listener, then answers each call with EOPNOTSUPP. */
const agentScript = `
import fcntl, json, socket, struct, sys
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen()
connection, _ = server.accept()
data, fds, _, _ = socket.recv_fds(connection, 65536, 8)
with open(sys.argv[2], "w") as file:
    file.write(json.dumps({"descriptors": len(fds), "message": json.loads(data)}))
while True:
    call = bytearray(80)
    fcntl.ioctl(fds[0], 0xC0502100, call)
    fcntl.ioctl(fds[0], 0xC0182101, call[:8] + struct.pack("qiI", 0, -95, 0))
`;

function exists(path: string): boolean {
  try {
    readFileSync(path);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENXIO";
  }
}
