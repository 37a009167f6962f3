import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import type { Hook, HookName } from "../../src/spec/types.ts";
import { prepare, shell, type Config, type Container, type State } from "./support/container.ts";
import { kind, notWith, scratch } from "./support/runtime.ts";
import { until } from "./support/wait.ts";

const hostKinds = ["prestart", "createRuntime", "poststart", "poststop"] as const;
const createKinds = ["prestart", "createRuntime", "createContainer"] as const;
chmodSync(scratch, 0o711); // the root of a user namespace has to get through
const earlyPoststart = notWith("runc", "runs poststart during create up to 1.5");

t.test("each kind of hook runs at its time, several in their order", async (t) => {
  const c = prepare(t);
  const note = (line: string) => hook(`echo ${line} >> ${log(c)}`);
  c.configure((config) => {
    config.process.args = shell(`echo program >> /log/log`);
    config.mounts.push(bind(c.bundle));
    config.hooks = {
      prestart: [note("prestart")],
      createRuntime: [note("createRuntime"), note("createRuntime2")],
      createContainer: [note("createContainer")],
      startContainer: [hook("echo startContainer >> /log/log")],
      poststart: kind === "runc" ? [] : [hook(`sleep 0.3; echo poststart >> ${log(c)}`)],
      poststop: [note("poststop"), note("poststop2")],
    };
  });
  t.match(c.create(), { status: 0, stderr: "" });
  const afterCreate = ["prestart", "createRuntime", "createRuntime2", "createContainer"];
  t.strictSame(lines(c), afterCreate);
  t.match(c.start(), { status: 0, stderr: "" });
  c.waitFor("stopped");
  const poststart = kind === "runc" ? [] : ["poststart"];
  const afterStart = [...afterCreate, "startContainer", "program", ...poststart];
  t.strictSame(lines(c), afterStart);
  t.match(c.delete(), { status: 0, stderr: "" });
  t.strictSame(lines(c), [...afterStart, "poststop", "poststop2"]);
});

t.test("all hooks run in a foreground run", async (t) => {
  const c = prepare(t);
  c.configure((config) => {
    config.process.args = ["true"];
    config.mounts.push(bind(c.bundle));
    config.hooks = Object.fromEntries(
      [...hostKinds, "createContainer" as const].map((name) => [
        name,
        [hook(`echo ${name} >> ${log(c)}`)],
      ]),
    );
    config.hooks.startContainer = [hook("echo startContainer >> /log/log")];
  });
  t.match(c.run(), { status: 0, stderr: "" });
  t.strictSame(lines(c).toSorted(), [
    "createContainer",
    "createRuntime",
    "poststart",
    "poststop",
    "prestart",
    "startContainer",
  ]);
  t.equal(lines(c).at(-1), "poststop");
});

t.test("hooks read the state of the container from stdin", async (t) => {
  const c = prepare(t);
  const keep = (name: HookName) => hook(`cat > ${c.bundle}/state.${name}`);
  c.configure((config) => {
    config.process.args = ["sleep", "100"];
    config.annotations = { "org.example.key": 'a "quoted" value' };
    config.mounts.push(bind(c.bundle));
    config.hooks = Object.fromEntries(
      [...hostKinds, "createContainer" as const].map((name) => [name, [keep(name)]]),
    );
    config.hooks.startContainer = [hook("cat > /log/state.startContainer")];
  });
  c.create();
  c.start();
  const { pid } = c.state();
  c.delete("--force");
  const common = { id: c.id, bundle: c.bundle, annotations: { "org.example.key": /quoted/ } };
  for (const name of createKinds) {
    t.match(given(c, name), { ...common, status: /^(creating|created)$/ }, name);
  }
  t.equal(given(c, "prestart").pid, pid, "the pid as the runtime sees it");
  t.equal(given(c, "createRuntime").pid, pid);
  t.match(given(c, "startContainer"), { ...common, pid: 1, status: /^(created|starting)$/ });
  if (kind !== "runc") t.match(given(c, "poststart"), { ...common, pid, status: "running" });
  t.match(given(c, "poststop"), { ...common, status: "stopped" });
  t.notOk(given(c, "poststop").pid, "no pid when it is gone");
});

t.test("a hook gets its arguments as they are, its path only to find it", async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["true"]));
  c.configure((config) => {
    const script = `tr '\\0' '\\n' < /proc/$$/cmdline > ${log(c)}; exit 0`;
    const args = ["another-name", "-c", script, "a b", "*", "", "last"];
    config.hooks = { createRuntime: [{ path: "/bin/sh", args }] };
  });
  t.equal(c.run().status, 0);
  const seen = read(c, "log").split("\n");
  t.equal(seen[0], "another-name");
  t.strictSame(seen.slice(-5), ["a b", "*", "", "last", ""]);
});

t.test("a hook with env has exactly that", async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["true"]));
  c.configure((config) => {
    config.hooks = {};
    for (const name of ["createRuntime", "createContainer"] as const) {
      config.hooks[name] = [
        { path: "/usr/bin/env", args: ["env"], env: ["A=1", "B=x y=z"] },
        hook(`tr '\\0' '\\n' < /proc/self/environ > ${c.bundle}/env.${name}`, {
          env: ["A=1", "B=x y=z"],
        }),
      ];
    }
  });
  t.match(c.run([], { env: { PATH: "/bin:/usr/bin", SECRET: "1" } }), { status: 0, stderr: "" });
  for (const name of ["createRuntime", "createContainer"]) {
    t.equal(read(c, `env.${name}`), "A=1\nB=x y=z\n", name);
  }
});

t.test("createContainer hooks run in the container's namespaces before the pivot", async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["true"]));
  c.configure((config) => {
    config.hooks = {
      createContainer: [
        hook(`pwd > ${log(c)}; readlink /proc/self/ns/net >> ${log(c)}`),
        hook(`mount -t tmpfs tmpfs ${c.rootfs}/tmp && touch ${c.rootfs}/tmp/from-hook`),
      ],
    };
    config.process.args = shell("ls /tmp");
  });
  t.match(c.run(), { status: 0, stderr: "" });
  t.equal(c.stdout(), "from-hook\n", "a mount of the hook is in the container");
  t.equal(lines(c)[0], c.rootfs, "the current directory");
  t.match(lines(c)[1], /^net:/);
  t.not(lines(c)[1], readlinkSync("/proc/self/ns/net"));
  t.notOk(existsSync(join(c.rootfs, "tmp/from-hook")), "and not on the host");
});

t.test("startContainer hooks are programs of the image, in it", async (t) => {
  const c = prepare(t);
  c.configure((config) => {
    config.process.args = shell("cat /tmp/seen");
    config.mounts.push(tmpfs("/tmp"));
    const script = "pwd > /tmp/seen; hostname >> /tmp/seen; readlink /bin/sh >> /tmp/seen";
    config.hooks = { startContainer: [hook(script)] };
  });
  t.match(c.run(), { status: 0, stdout: "/\ntest\nbusybox\n" });
});

t.test("a startContainer hook without env has that of the process, with a HOME", async (t) => {
  const c = prepare(t, (config) => {
    config.process.args = shell("cat /tmp/seen");
    config.process.env = ["PATH=/bin", "ONE=two"];
    config.mounts.push(tmpfs("/tmp"));
    const script = "echo $ONE ${HOME-none} > /tmp/seen";
    config.hooks = { startContainer: [hook(script, { env: undefined })] };
  });
  t.match(c.run(), { status: 0, stdout: "two /root\n" });
});

t.test("a hook has all its arguments as they are given, the first too", async (t) => {
  const c = prepare(t, (config) => {
    config.process.args = shell("cat /tmp/seen");
    config.mounts.push(tmpfs("/tmp"));
    const made = { path: "/bin/busybox", args: ["touch", "/tmp/made"] };
    config.hooks = { startContainer: [made, hook("ls /tmp > /tmp/seen")] };
  });
  t.match(c.run(), { status: 0, stdout: /^made$/m });
});

t.test("hooks in the runtime's namespaces are there for create in the bundle", async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["true"]));
  c.configure((config) => {
    const script = `pwd > ${log(c)}; readlink /proc/self/ns/net /proc/self/ns/mnt >> ${log(c)}`;
    config.hooks = { createRuntime: [hook(script)] };
  });
  c.run();
  const own = ["net", "mnt"].map((name) => readlinkSync(`/proc/self/ns/${name}`));
  t.strictSame(lines(c), [c.bundle, ...own]);
});

for (const name of createKinds) {
  t.test(
    `a ${name} hook that fails fails the create, with its stderr, and nothing stays`,
    async (t) => {
      const c = prepare(t, (config) => (config.process.args = ["sleep", "100"]));
      c.configure((config) => {
        config.hooks = {
          [name]: [hook("echo reason-of-failure >&2; exit 7"), hook(`touch ${c.bundle}/second`)],
          poststop: [hook(`echo poststop > ${log(c)}`)],
        };
      });
      const { status, stderr } = c.call(["create", "--bundle", c.bundle, c.id]);
      t.equal(status, 1);
      if (kind === "tsrun") t.match(stderr, `${name} hook #0: /bin/sh: `);
      t.match(stderr, "exit status 7");
      t.match(stderr, "reason-of-failure");
      t.match(stderr, "#0");
      t.notOk(existsSync(join(c.bundle, "second")), "those after it do not run");
      nothingLeft(t, c);
      t.strictSame(lines(c), ["poststop"], "poststop hooks run");
    },
  );
}

t.test("a hook that is not there fails the create and is named", async (t) => {
  const c = prepare(t, (config) => {
    config.hooks = { createRuntime: [{ path: "/nowhere/hook" }] };
  });
  const { status, stderr } = c.call(["create", "--bundle", c.bundle, c.id]);
  t.equal(status, 1);
  t.match(stderr, "/nowhere/hook");
  t.match(stderr, "no such file or directory");
  nothingLeft(t, c);
});

t.test("a startContainer hook that fails keeps the program from running", async (t) => {
  const c = prepare(t, (config) => {
    config.process.args = shell("echo program");
    config.hooks = { startContainer: [hook("echo reason-of-failure >&2; exit 3")] };
  });
  c.run();
  t.notMatch(c.stdout(), "program");
  t.match(c.stderr(), "reason-of-failure");
});

t.test("a hook past its timeout is killed, and the create fails", async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["sleep", "100"]));
  c.configure((config) => {
    const script = `echo $$ > ${log(c)}; exec sleep 60`;
    config.hooks = { createRuntime: [hook(script, { timeout: 1 })] };
  });
  const begin = performance.now();
  const { status, stderr } = c.call(["create", "--bundle", c.bundle, c.id], { timeout: 20_000 });
  t.equal(status, 1);
  t.ok(performance.now() - begin < 15_000);
  t.match(stderr, "hook ran past specified timeout of 1.0s");
  t.ok(
    until(() => !existsSync(`/proc/${lines(c)[0]}`)),
    "the hook is gone",
  );
  nothingLeft(t, c);
});

t.test("a hook that reads no stdin and floods its output is no trouble", async (t) => {
  const c = prepare(t, (config) => {
    config.process.args = ["echo", "ok"];
    const flood = hook("exec 0<&-; head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2");
    config.hooks = { createRuntime: [flood], createContainer: [flood] };
  });
  t.match(c.run(), { status: 0, stdout: "ok\n", stderr: "" });
});

t.test("hooks get a state larger than any pipe", async (t) => {
  const c = prepare(t);
  c.configure((config) => {
    config.process.args = ["true"];
    config.annotations = { big: "x".repeat(200_000) };
    config.hooks = { createRuntime: [hook(`sleep 0.2; wc -c > ${log(c)}`)] };
  });
  t.match(c.run(), { status: 0, stderr: "" });
  t.ok(Number(lines(c)[0]) > 200_000);
});

t.test("a poststart hook that fails is an error of start", { skip: earlyPoststart }, async (t) => {
  const c = prepare(t, (config) => {
    config.process.args = ["sleep", "100"];
    config.hooks = { poststart: [hook("echo reason-of-failure >&2; exit 7")] };
  });
  t.equal(c.create().status, 0);
  const { status, stderr } = c.start();
  t.equal(status, 1);
  t.match(stderr, "reason-of-failure");
});

t.test("a poststop hook that fails is a warning, and the next runs", async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["true"]));
  c.configure((config) => {
    config.hooks = {
      poststop: [
        hook("echo reason-of-failure >&2; exit 7"),
        ...(kind === "runc" ? [] : [hook(`echo second > ${log(c)}`)]),
      ],
    };
  });
  c.create();
  c.start();
  c.waitFor("stopped");
  const { status, stderr } = c.delete();
  t.equal(status, 0);
  t.match(stderr, "reason-of-failure");
  nothingLeft(t, c);
  if (kind !== "runc") t.strictSame(lines(c), ["second"]);
});

t.test("delete --force of a container that was not started runs poststop", async (t) => {
  const c = prepare(t);
  c.configure((config) => (config.hooks = { poststop: [hook(`echo poststop >> ${log(c)}`)] }));
  c.create();
  t.match(c.delete("--force"), { status: 0, stderr: "" });
  t.strictSame(lines(c), ["poststop"]);
});

t.test("poststop hooks see no container any more", async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["true"]));
  c.configure((config) => {
    const script = `test -e ${join(c.root, c.id)}/state.json && echo there > ${log(c)}; true`;
    config.hooks = { poststop: [hook(script)] };
  });
  c.run();
  t.notOk(existsSync(log(c)));
});

t.test("the hooks are those of create, whatever config.json says later", async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["true"]));
  c.configure((config) => (config.hooks = { poststop: [hook(`echo old > ${log(c)}`)] }));
  c.create();
  c.configure((config) => (config.hooks = { poststop: [hook(`echo new > ${log(c)}`)] }));
  c.start();
  c.waitFor("stopped");
  c.delete();
  t.strictSame(lines(c), ["old"]);
});

t.test("hooks run as root of the host also for a container with a user namespace", async (t) => {
  const c = prepare(t, mapped);
  c.configure((config) => {
    config.process.args = ["true"];
    const note = (place: string) => hook(`cat /proc/self/uid_map > ${c.bundle}/${place}`);
    config.hooks = { createRuntime: [note("runtime")] };
  });
  t.match(c.run(), { status: 0, stderr: "" });
  t.match(read(c, "runtime"), /^\s*0\s+0\s+4294967295\s*$/);
});

t.test("createContainer hooks of a user namespace are root in it", async (t) => {
  const c = prepare(t, mapped);
  mkdirSync(join(c.bundle, "open"), { mode: 0o777 });
  chmodSync(join(c.bundle, "open"), 0o777);
  c.configure((config) => {
    config.process.args = ["true"];
    const script = `id -u > ${c.bundle}/open/id; cat /proc/self/uid_map >> ${c.bundle}/open/id`;
    config.hooks = { createContainer: [hook(script)] };
  });
  t.match(c.run(), { status: 0, stderr: "" });
  t.match(read(c, "open/id"), /^0\n\s*0\s+100000\s+65536\s*$/);
});

type Assert = { notOk(value: unknown, message: string): unknown };
function nothingLeft(t: Assert, c: Container): void {
  t.notOk(existsSync(c.root) && readdirSync(c.root).includes(c.id), "no state directory");
}

function mapped(config: Config): void {
  config.linux.namespaces.push({ type: "user" });
  config.linux.uidMappings = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
  config.linux.gidMappings = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
}

function hook(script: string, more: Partial<Hook> = {}): Hook {
  return { path: "/bin/sh", args: ["sh", "-c", script], env: ["PATH=/bin:/usr/bin"], ...more };
}

function bind(source: string): Config["mounts"][number] {
  return { destination: "/log", type: "bind", source, options: ["bind", "rw"] };
}

function tmpfs(destination: string): Config["mounts"][number] {
  return { destination, type: "tmpfs", source: "tmpfs" };
}

function log(c: Container): string {
  return join(c.bundle, "log");
}

function lines(c: Container): string[] {
  return existsSync(log(c)) ? readFileSync(log(c), "utf8").trimEnd().split("\n") : [];
}

function read(c: Container, name: string): string {
  return readFileSync(join(c.bundle, name), "utf8");
}

function given(c: Container, name: HookName): State {
  return JSON.parse(read(c, `state.${name}`)) as State;
}
