import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { receiver } from "./support/console.ts";
import { type Container, prepare, shell } from "./support/container.ts";
import {
  counted,
  countingContainer,
  imageFlags,
  needsCriu,
  startCounting,
  withCriu,
} from "./support/criu.ts";
import { cgroupMount } from "./support/host.ts";
import { begin } from "./support/parallel.ts";
import { nothing, remainsOf } from "./support/remains.ts";
import { execute, notWith, onlyTsrun, runcBefore, scratch } from "./support/runtime.ts";
import { until } from "./support/wait.ts";

const skip = needsCriu();
t.setTimeout(300_000);

function checkpoint(c: Container, ...flags: string[]) {
  return c.call(["checkpoint", ...imageFlags(c), ...flags, c.id], withCriu);
}

function restoreWords(c: Container, ...flags: string[]): string[] {
  return ["restore", ...imageFlags(c), "--bundle", c.bundle, ...flags, c.id];
}

function restore(c: Container, ...flags: string[]) {
  return c.call(restoreWords(c, "--detach", ...flags), withCriu);
}

t.test("a terminal comes back on the console socket", { skip }, async (t) => {
  const c = countingContainer(t, (config) => {
    config.process.terminal = true;
    config.process.args = shell("while read line; do echo got $line; done");
  });
  const first = receiver(c);
  t.match(c.run(["--detach", "--console-socket", first.path], withCriu), { status: 0 });
  first.type("one\n");
  t.match(await first.shows("got one"), "got one");
  t.match(checkpoint(c), { status: 0, stderr: "" });
  first.close();
  const second = receiver(c, "second.sock");
  t.teardown(second.close);
  t.match(restore(c, "--console-socket", second.path), { status: 0, stderr: "" });
  t.match(await second.shows("end 1"), /fds 1 terminal 1 end 1/);
  second.type("two\n");
  t.match(await second.shows("got two"), "got two");
});

t.test("in the foreground restore ends with the container, by its status", { skip }, async (t) => {
  const c = countingContainer(t, (config) => {
    config.process.args = shell("until test -e /stop; do sleep 0.1; echo > /count; done; exit 6");
  });
  c.run(["--detach"], { ...withCriu, output: { stdout: "/dev/null", stderr: "/dev/null" } });
  t.ok(until(() => existsSync(join(c.rootfs, "count"))));
  t.match(checkpoint(c), { status: 0 });
  const running = begin(["--root", c.root, ...restoreWords(c)], withCriu.env);
  t.ok(until(() => c.call(["state", c.id]).status === 0, 60_000));
  writeFileSync(join(c.rootfs, "stop"), "");
  t.match(await running.result, { status: 6, stderr: "" });
  t.same(remainsOf(c), nothing);
});

t.test("binds show the host again, below a link and below another bind too", { skip }, (t) => {
  const c = countingContainer(t, (config) => {
    config.process.args = shell(
      "i=0; while :; do i=$((i+1)); cat /conf/name /outer/inner/name > /names; echo $i > /count; sleep 0.1; done",
    );
    config.mounts.push(
      { destination: "/conf", type: "bind", source: "shown", options: ["bind", "ro"] },
      { destination: "/outer", type: "bind", source: "outer", options: ["bind"] },
      { destination: "/outer/inner", type: "bind", source: "inner", options: ["bind"] },
    );
  });
  mkdirSync(join(c.rootfs, "real/conf"), { recursive: true });
  symlinkSync("/real/conf", join(c.rootfs, "conf"));
  for (const name of ["shown", "outer", "inner"]) mkdirSync(join(c.bundle, name));
  writeFileSync(join(c.bundle, "shown/name"), "shown\n");
  writeFileSync(join(c.bundle, "inner/name"), "inner\n");
  startCounting(c);
  t.match(checkpoint(c), { status: 0, stderr: "" });
  const before = counted(c);
  writeFileSync(join(c.bundle, "shown/name"), "other\n");
  t.match(restore(c), { status: 0, stderr: "" });
  t.ok(until(() => counted(c) > before + 1));
  t.equal(readFileSync(join(c.rootfs, "names"), "utf8"), "other\ninner\n");
  t.match(c.call(["exec", c.id, "touch", "/conf/x"]).stderr, /[Rr]ead-only/);
  t.end();
});

t.test("a network namespace of the host is joined again", { skip }, (t) => {
  const c = countingContainer(t);
  const name = `t${process.pid}`;
  t.equal(execute("/usr/sbin/ip", ["netns", "add", name]).status, 0);
  t.teardown(() => execute("/usr/sbin/ip", ["netns", "delete", name]));
  const path = `/run/netns/${name}`;
  c.configure((config) => {
    const network = config.linux.namespaces.find(({ type }) => type === "network")!;
    Object.assign(network, { path });
  });
  startCounting(c);
  t.match(checkpoint(c), { status: 0, stderr: "" });
  t.match(restore(c), { status: 0, stderr: "" });
  const inode = (file: string) => execute("/usr/bin/stat", ["-Lc", "%i", file]).stdout;
  t.equal(inode(`/proc/${c.state().pid}/ns/net`), inode(path));
  t.end();
});

t.test(
  "a container with a user namespace, whose devices are binds of the host's",
  { skip },
  (t) => {
    const c = countingContainer(t, (config) => {
      const map = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
      config.linux.namespaces.push({ type: "user" });
      Object.assign(config.linux, { uidMappings: map, gidMappings: map });
    });
    execute("/usr/bin/chown", ["-R", "100000:100000", c.rootfs]);
    for (let path = c.bundle; path.startsWith(scratch); path = dirname(path))
      chmodSync(path, 0o755);
    startCounting(c);
    t.match(checkpoint(c), { status: 0, stderr: "" });
    const before = counted(c);
    t.match(restore(c), { status: 0, stderr: "" });
    t.ok(until(() => counted(c) > before));
    t.match(c.call(["exec", c.id, "cat", "/proc/self/uid_map"]).stdout, /^ +0 +100000 +65536\n/);
    t.end();
  },
);

const newer = runcBefore("1.2", "no --manage-cgroups-mode ignore, and other failures");
t.test("with cgroups ignored it is restored into another cgroup", { skip: skip || newer }, (t) => {
  const c = countingContainer(t);
  const place = (name: string): string => join(cgroupMount(), `${c.id}-${name}`);
  c.configure((config) => (config.linux.cgroupsPath = `/${c.id}-old`));
  startCounting(c);
  t.match(checkpoint(c, "--manage-cgroups-mode", "ignore"), { status: 0, stderr: "" });
  t.notOk(existsSync(place("old")));
  c.configure((config) => (config.linux.cgroupsPath = `/${c.id}-new`));
  t.match(restore(c, "--manage-cgroups-mode=ignore"), { status: 0, stderr: "" });
  t.notOk(existsSync(place("old")));
  t.match(readFileSync(`/proc/${c.state().pid}/cgroup`, "utf8"), `/${c.id}-new\n`);
  t.end();
});

t.test("a restored container is a container like others", { skip }, (t) => {
  const c = countingContainer(t);
  startCounting(c);
  t.match(checkpoint(c), { status: 0 });
  t.match(restore(c), { status: 0 });
  t.match(c.call(["exec", c.id, "hostname"]), { status: 0, stdout: "test\n" });
  t.match(checkpoint(c), { status: 0, stderr: "" }, "once more");
  t.match(restore(c), { status: 0, stderr: "" });
  t.equal(c.kill("KILL").status, 0);
  t.ok(c.waitFor("stopped"));
  t.equal(c.delete().status, 0);
  t.end();
});

t.test(
  "hooks: prestart and createRuntime in the making, poststart after it",
  { skip: skip || notWith("runc", "no poststart hooks at a restore") },
  (t) => {
    const c = countingContainer(t);
    const file = join(c.bundle, "hooks");
    const hook = (name: string) => {
      const script = `sed 's/.*"status":"\\([a-z]*\\)".*/${name} \\1/' >> ${file}; echo >> ${file}`;
      return [{ path: "/bin/sh", args: ["sh", "-c", script] }];
    };
    startCounting(c);
    t.match(checkpoint(c), { status: 0 });
    c.configure((config) => {
      config.hooks = {
        prestart: hook("prestart"),
        createRuntime: hook("createRuntime"),
        poststart: hook("poststart"),
      };
    });
    t.match(restore(c), { status: 0, stderr: "" });
    t.strictSame(readFileSync(file, "utf8").trim().split(/\n+/), [
      "prestart created",
      "createRuntime created",
      "poststart running",
    ]);
    t.end();
  },
);

t.test("a restore that fails says why and leaves nothing", { skip: skip || newer }, (t) => {
  const c = countingContainer(t);
  startCounting(c);
  t.match(checkpoint(c), { status: 0 });
  c.configure((config) => {
    config.hooks = { createRuntime: [{ path: "/bin/false" }] };
  });
  const hooked = restore(c, "--pid-file", c.pidFile);
  t.equal(hooked.status, 1);
  t.match(hooked.stderr, /createRuntime|criu failed/);
  t.same(remainsOf(c), nothing);
  t.notOk(existsSync(c.pidFile));
  c.configure((config) => delete config.hooks);
  writeFileSync(join(c.bundle, "images/pstree.img"), "");
  const damaged = restore(c);
  t.equal(damaged.status, 1);
  t.match(damaged.stderr, /criu failed: type RESTORE errno/);
  t.same(remainsOf(c), nothing);
  t.match(c.call(["restore", "--image-path", join(c.bundle, "absent"), c.id], { cwd: c.bundle }), {
    status: 1,
    stderr: /absent.*no such file or directory/,
  });
  t.same(remainsOf(c), nothing);
  t.end();
});

t.test(
  "delete --force leaves nothing of a restore that was killed",
  { skip: skip || onlyTsrun("it") },
  async (t) => {
    const c = countingContainer(t);
    startCounting(c);
    t.match(checkpoint(c), { status: 0 });
    const start = performance.now();
    t.match(restore(c), { status: 0 });
    const whole = performance.now() - start;
    c.delete("--force");
    for (const share of [0.3, 0.5, 0.7, 0.85, 0.95]) {
      const words = ["--root", c.root, ...restoreWords(c, "--detach")];
      const { child } = begin(words, withCriu.env);
      const ended = once(child, "exit");
      await sleep(share * whole);
      child.kill("SIGKILL");
      await ended;
      t.equal(c.delete("--force").status, 0, `at ${share}`);
      t.ok(
        until(() => remainsOf(c).processes.length === 0),
        "CRIU ends",
      );
      t.same(remainsOf(c), nothing, `at ${share}`);
    }
  },
);

t.test("an id that is taken stays what it is", { skip }, (t) => {
  const c = countingContainer(t);
  startCounting(c);
  t.match(checkpoint(c, "--leave-running"), { status: 0 });
  const { pid } = c.state();
  t.match(restore(c), { status: 1, stderr: /container with given ID already exists/ });
  t.match(c.state(), { status: "running", pid });
  t.end();
});

t.test("options that make no sense are refused", { skip: newer }, (t) => {
  const c = prepare(t, (config) => (config.process.args = ["sleep", "100"]));
  c.run(["--detach"]);
  const refused = (...flags: string[]) => c.call(["checkpoint", ...imageFlags(c), ...flags, c.id]);
  t.match(refused("--parent-path", "/absolute").stderr, /--parent-path must be relative/);
  t.match(refused("--parent-path", "absent").stderr, /invalid --parent-path/);
  t.match(refused("--manage-cgroups-mode", "x").stderr, /invalid manage-cgroups-mode/);
  t.match(refused("--page-server", "x").stderr, /Use --page-server ADDRESS:PORT/);
  t.match(refused("--page-server", "x:y").stderr, /Invalid port number/);
  t.match(refused("--empty-ns", "pid").stderr, /namespace \\?"pid\\?" is not supported/);
  t.equal(c.status(), "running");
  t.end();
});
