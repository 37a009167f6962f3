// exec into a container whose root wants out: what it prepares, and what it can see of a process on its way in.
import { existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { root, shell } from "./support/container.ts";
import { powerful, runContainer } from "./support/exec.ts";
import { kind, notWith, onlyTsrun } from "./support/runtime.ts";
import { until } from "./support/wait.ts";

t.test("a watcher sees nothing of the host in processes on their way in", async (t) => {
  const c = runContainer(t, (config) => {
    powerful(config);
    const look = "ls -l /proc/[0-9]*/fd /proc/[0-9]*/cwd /proc/[0-9]*/root /proc/[0-9]*/exe";
    const script = `while [ ! -e /tmp/stop ]; do ${look} 2> /dev/null; echo round; done > /tmp/seen`;
    config.process.args = shell(`${script}; touch /tmp/done; sleep 1000`);
  });
  const seen = join(c.rootfs, "tmp/seen");
  const rounds = () => readFileSync(seen, "utf8").split("\nround\n").length;
  t.ok(until(() => existsSync(seen) && rounds() > 1));
  for (let i = 0; i < 20; i += 1) t.equal(c.exec(["true"]).status, 0);
  writeFileSync(join(c.rootfs, "tmp/stop"), "");
  t.ok(until(() => existsSync(join(c.rootfs, "tmp/done"))));
  const links = readFileSync(seen, "utf8").match(/(?<= -> ).*$/gm) ?? [];
  t.ok(
    links.some((link) => /memfd:|socket:|pipe:/.test(link)),
    "it has looked at them",
  );
  const inside =
    /^(\/|\/bin\/busybox|\/tmp\/seen|\/dev\/null|(pipe|socket|anon_inode):.*|\/memfd:.*|\/proc\/.*)$/;
  const outside = [...new Set(links)].filter((link) => !inside.test(link));
  // The stdin, stdout and stderr of the container are the caller's files.
  t.strictSame(
    outside.filter((link) => !link.startsWith(c.bundle)),
    [],
  );
  t.notOk(
    links.some((link) => link.startsWith(root)),
    "nothing of the state directory",
  );
});

t.test("a working directory that leads out through a descriptor is refused", async (t) => {
  const c = runContainer(t, powerful);
  for (let fd = 3; fd < 20; fd += 1) {
    t.not(c.exec(["cat", "etc/hostname"], ["--cwd", `/proc/self/fd/${fd}`]).status, 0);
  }
});

t.test("a working directory that is a link to one leads nowhere", async (t) => {
  const c = runContainer(t, powerful, ({ rootfs }) => {
    symlinkSync("/proc/self/fd/5", join(rootfs, "link"));
    symlinkSync("../../../../../../../..", join(rootfs, "up"));
  });
  t.not(c.exec(["pwd"], ["--cwd", "/link"]).status, 0);
  t.equal(c.exec(["ls"], ["--cwd", "/up"]).stdout, c.exec(["ls", "/"]).stdout);
});

t.test(
  "init as a program of the container has nothing to do, and cannot be written to",
  async (t) => {
    const c = runContainer(t, powerful, ({ rootfs }) => {
      writeFileSync(join(rootfs, "bin/evil"), "#!/proc/self/exe\n", { mode: 0o755 });
    });
    const { status } = c.exec(["/bin/evil"]);
    t.not(status, 0);
    t.not(status, null, "it ends");
  },
);

t.test("a passwd that is a fifo, a device or a link out of the image has no say", async (t) => {
  const c = runContainer(t, powerful);
  const passwd = join(c.rootfs, "etc/passwd");
  const home = () => c.exec(shell("echo $HOME"), [], { timeout: 20_000 });
  for (const make of [
    "mkfifo /etc/passwd",
    "mknod /etc/passwd c 1 5",
    "mkdir /etc/passwd",
    "ln -s /proc/self/fd/0 /etc/passwd",
    "true",
  ]) {
    rmSync(passwd, { recursive: true, force: true });
    t.equal(c.exec(shell(make)).status, 0, make);
    if (kind === "tsrun") t.match(home(), { status: 0, stdout: "/\n" }, make);
  }
  rmSync(passwd, { force: true });
  const outside = join(c.bundle, "outside");
  writeFileSync(outside, "root:x:0:0::/outside:\n");
  symlinkSync(`../../../../../../../..${outside}`, passwd);
  t.notMatch(home().stdout, "outside");
});

t.test(
  "a /dev/null that is none does not come in place of the caller's",
  { skip: notWith("runc", "leaves the caller's") || notWith("crun", "leaves the caller's") },
  async (t) => {
    const c = runContainer(t, powerful);
    const output = { stdout: "/dev/null", stderr: join(c.bundle, "ee") };
    t.equal(c.exec(["true"], ["--detach"], { output }).status, 0);
    t.equal(c.exec(shell("rm /dev/null; mknod /dev/null c 1 7")).status, 0);
    const { status, stderr } = c.exec(["true"], ["--detach"], { output });
    t.equal(status, 255);
    t.match(stderr, "/dev/null");
  },
);

t.test("a terminal of something that is no devpts is refused", async (t) => {
  const c = runContainer(t, powerful);
  t.equal(c.exec(shell("umount /dev/pts; mkdir -p /dev/pts; mknod /dev/pts/ptmx c 5 2")).status, 0);
  const { status } = c.exec(["true"], ["--tty"]);
  t.not(status, 0);
});

t.test(
  "a pid that belongs to another process by now is no container",
  { skip: onlyTsrun("state.json") },
  async (t) => {
    const c = runContainer(t);
    const file = join(c.root, c.id, "state.json");
    const text = readFileSync(file, "utf8");
    const state = JSON.parse(text) as { init: { pid: number; startTime: number } };
    state.init.startTime -= 1;
    writeFileSync(file, JSON.stringify(state));
    t.match(c.exec(["true"]), { status: 255, stderr: /cannot exec in a stopped container/ });
    writeFileSync(file, text);
    t.equal(c.exec(["true"]).status, 0);
  },
);
