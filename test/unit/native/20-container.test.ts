import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import t from "tap";

import { noSlot, type Op } from "../../../src/plan/wire.ts";
import { isRoot, runInit, type Run } from "./run-init.ts";

const CLONE_NEWNS = 0x20000;
const CLONE_NEWUTS = 0x4000000;
const CLONE_NEWIPC = 0x8000000;
const CLONE_NEWPID = 0x20000000;
const MS_REC = 0x4000;
const MS_SLAVE = 0x80000;
const MOUNT_ATTR_RDONLY = 1;
const MOUNT_ATTR_NOSUID = 2;
const TARGET_ORDINARY = 0x10000;
const S_IFCHR = 0o20000;

const skip = isRoot ? false : "needs root";
const root = 0;

type Step = Op & { optional?: boolean };

const execute = (script: string): Step => ({
  op: "exec",
  args: ["/bin/busybox", "sh", "-c", script],
  env: ["PATH=/bin"],
});

/** A rootfs with busybox; more files by relative path, a value "-> x" is a symbolic link to x. */
function rootfs(t: Tap, files: Record<string, string> = {}): string {
  const path = `${t.testdir({ rootfs: {}, host: { victim: "untouched" } })}/rootfs`;
  for (const directory of ["bin", "proc", "dev", "etc", "tmp"]) mkdirSync(`${path}/${directory}`);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(`${path}/${name}/..`.replace(/\/[^/]*\/\.\.$/, ""), { recursive: true });
    if (content.startsWith("-> ")) symlinkSync(content.slice(3), `${path}/${name}`);
    else writeFileSync(`${path}/${name}`, content);
  }
  return path;
}
type Tap = Pick<typeof t, "testdir">;

/** Ops between a fresh mount namespace and the pivot; the host's busybox is bound into the rootfs. */
function enter(path: string, mounts: readonly Step[] = [], after: readonly Step[] = []): Step[] {
  return [
    { op: "propagate", path: "/", flags: MS_SLAVE | MS_REC },
    { op: "open_tree", path, recursive: 1, slot: root },
    { op: "attach_root", slot: root, path },
    ...bind("/bin/busybox", "/bin/busybox", 1),
    ...mounts,
    { op: "pivot", root },
    ...after,
  ];
}

function bind(source: string, path: string, slot: number): Step[] {
  return [
    { op: "open_tree", path: source, recursive: 1, slot },
    { op: "target", root, path, like: slot, mode: 0, slot: slot + 1 },
    { op: "move_mount", slot, target: slot + 1 },
    { op: "close", slot: slot + 1 },
    { op: "close", slot },
  ];
}

function mount(
  fstype: string,
  path: string,
  more: Partial<Step & { op: "new_mount" }> = {},
): Step[] {
  const [slot, target] = [3, 4];
  return [
    {
      op: "target",
      root,
      path,
      like: noSlot,
      mode: fstype === "proc" ? TARGET_ORDINARY : 0,
      slot: target,
    },
    {
      op: "new_mount",
      fstype,
      source: fstype,
      options: [],
      attributes: 0,
      target,
      copyMode: 0,
      slot,
      ...more,
    },
    { op: "move_mount", slot, target },
    { op: "close", slot: target },
    { op: "close", slot },
  ];
}

const flags = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWPID | CLONE_NEWIPC;
const run = (ops: readonly Step[], options: Run = {}) =>
  runInit(ops, { cloneFlags: flags, ...options });

t.test("a container with its own name, root and processes", { skip }, async (t) => {
  const path = rootfs(t, { "etc/motd": "hello" });
  const ops = enter(path, mount("proc", "/proc"), [{ op: "hostname", name: "box" }]);
  const { output, exit, messages } = run([
    ...ops,
    execute("busybox hostname; busybox cat /etc/motd; echo $$; busybox ls /"),
  ]);
  t.strictSame(messages, []);
  t.match(output, /^box\nhello1\nbin\ndev\netc\nproc\ntmp\n$/);
  t.equal(exit, 0);
  t.notOk(existsSync(`${path}/proc/1`), "nothing of it is seen outside");
});

t.test("the old root is gone after the pivot", { skip }, async (t) => {
  const { output } = run([
    ...enter(rootfs(t), mount("proc", "/proc")),
    execute("busybox cat /proc/self/mountinfo | busybox wc -l; busybox ls /..; busybox pwd"),
  ]);
  t.match(output, /^3\nbin\ndev\netc\nproc\ntmp\n\/\n/);
});

t.test("init needs less than 1 MiB of memory", { skip }, async (t) => {
  const [fifo, handed] = [9, [..."/////////", "pipe"]];
  const ops: Step[] = [
    ...enter(rootfs(t), mount("proc", "/proc")),
    { op: "ready" },
    { op: "wait_start", slot: fifo },
  ];
  const { memory, exit } = run(ops, { handed });
  t.ok(memory > 0 && memory < 1024, `${memory} KiB`);
  t.equal(exit, 0);
});

t.test("what fails after ready is said on stderr", async (t) => {
  const { output, exit, messages } = runInit([{ op: "ready" }, { op: "wait_start", slot: 9 }]);
  t.match(messages, [{ kind: "ready" }]);
  t.equal(output, "read exec fifo: bad file descriptor\n");
  t.equal(exit, 1);
});

t.test("mounts never leave the root, whatever links the image has", { skip }, async (t) => {
  const host = t.testdirName.concat("/host");
  const path = rootfs(t, {
    evil: `-> ${host}`,
    up: "-> ../../../../../../../../../../tmp",
    dangling: "-> /made/by/init",
    loop: "-> loop",
  });
  const { output, messages } = run([
    ...enter(path, [
      ...mount("tmpfs", "/evil/inside"),
      ...mount("tmpfs", "/up/below"),
      ...mount("tmpfs", "/dangling"),
      ...mount("tmpfs", "/../../../escape/../straight"),
      ...mount("proc", "/proc"),
    ]),
    execute("busybox mount | busybox awk '/^tmpfs/ { print $3 }'"),
  ]);
  t.strictSame(messages, []);
  t.equal(output, `${host}/inside\n/tmp/below\n/made/by/init\n/straight\n`);
  t.equal(readFileSync(`${host}/victim`, "utf8"), "untouched");
  t.notOk(existsSync(`${host}/inside`));
  t.match(run(enter(path, mount("tmpfs", "/loop/x"))).messages, [
    { kind: "fail", errno: 40, text: "openat2 /loop/x" },
  ]);
});

t.test("nothing is mounted over the root, and procfs on no link", { skip }, async (t) => {
  const path = rootfs(t, { self: "-> /", sys: "-> /etc", "a/proc": "-> ../etc", file: "" });
  const fails = (where: string, fstype: string) =>
    run(enter(path, mount(fstype, where))).messages[0]?.text;
  t.equal(fails("/self", "tmpfs"), "cannot mount over the root of the container: /self");
  t.equal(fails("/a/proc", "proc"), "must be mounted on ordinary directory: /a/proc");
  t.equal(fails("/file", "proc"), "must be mounted on ordinary directory: /file");
});

t.test("a bound file gets a file as its target, made where it is missing", { skip }, async (t) => {
  const path = rootfs(t);
  const { output } = run([
    ...enter(path, bind(`${path}/../host/victim`, "/new/place/file", 6)),
    execute("busybox cat /new/place/file"),
  ]);
  t.equal(output, "untouched");
  t.ok(statSync(`${path}/new/place/file`).isFile());
  t.equal(statSync(`${path}/new/place`).mode & 0o7777, 0o755);
});

t.test("attributes of mounts", { skip }, async (t) => {
  const change = { clear: 0, propagation: 0, recursive: 0, userns: noSlot, locked: 0 } as const;
  const { output } = run([
    ...enter(rootfs(t), [
      { op: "target", root, path: "/tmp", like: noSlot, mode: 0, slot: 4 },
      {
        op: "new_mount",
        fstype: "tmpfs",
        source: "scratch",
        options: ["size=64k", "mode=0711"],
        attributes: MOUNT_ATTR_NOSUID,
        target: noSlot,
        copyMode: 0,
        slot: 3,
      },
      { op: "mount_attributes", slot: 3, set: MOUNT_ATTR_RDONLY, ...change },
      { op: "move_mount", slot: 3, target: 4 },
      ...mount("proc", "/proc"),
    ]),
    execute("busybox grep ' /tmp ' /proc/self/mounts; busybox stat -c %a /tmp; > /tmp/x"),
  ]);
  t.match(output, /^scratch \/tmp tmpfs ro,nosuid,relatime,size=64k,mode=711/);
  t.match(output, /\n711\n.*Read-only file system/);
});

t.test("options that the kernel refuses come back with its own words", { skip }, async (t) => {
  const fails = (more: Partial<Step & { op: "new_mount" }>) =>
    run(enter(rootfs(t), mount("tmpfs", "/tmp", more))).messages[0];
  t.match(fails({ options: ["size=huge"] }), {
    kind: "fail",
    errno: 22,
    text: /^fsconfig size=huge: tmpfs: Bad value for 'size'$/,
  });
  t.match(fails({ options: ["nonsense"] }), {
    text: "fsconfig nonsense: tmpfs: Unknown parameter 'nonsense'",
  });
  t.match(fails({ fstype: "nofs" }), { errno: 19, text: "fsopen nofs" });
});

t.test(
  "a tmpfs takes the mode and, with tmpcopyup, the content of what it hides",
  { skip },
  async (t) => {
    const path = rootfs(t, {
      "data/deep/file": "text",
      "data/link": "-> deep/file",
      "data/big": "x".repeat(100_000),
    });
    for (let i = 0; i < 200; i++)
      writeFileSync(`${path}/data/deep/${"n".repeat(40)}${i}`, String(i));
    const [slot, target] = [3, 4];
    const { output, messages } = run([
      ...enter(path, [
        { op: "target", root, path: "/data", like: noSlot, mode: 0, slot: target },
        {
          op: "new_mount",
          fstype: "tmpfs",
          source: "tmpfs",
          options: [],
          attributes: 0,
          target,
          copyMode: 1,
          slot,
        },
        { op: "copy_up", target, slot },
        { op: "move_mount", slot, target },
      ]),
      execute(
        "cd /data; busybox stat -c %a .; busybox cat link; echo; busybox wc -c < big; busybox ls deep | busybox wc -l; echo gone > big",
      ),
    ]);
    t.strictSame(messages, []);
    t.equal(output, "755\ntext\n100000\n201\n");
    t.equal(statSync(`${path}/data/big`).size, 100_000, "the image is left alone");
  },
);

t.test("device nodes", { skip }, async (t) => {
  const path = rootfs(t, { "dev/taken": "a file" });
  const device = (name: string, minor: number): Step => ({
    op: "mknod",
    root,
    path: `/dev/${name}`,
    mode: S_IFCHR | 0o640,
    major: 1,
    minor,
    uid: 5,
    gid: 6,
  });
  const dev = mount("tmpfs", "/dev");
  const { output, messages } = run([
    ...enter(path, [
      ...dev,
      device("null", 3),
      device("null", 3),
      device("sub/zero", 5),
      { op: "symlink", root, path: "/dev/fd", to: "/proc/self/fd" },
      { op: "symlink", root, path: "/dev/fd", to: "/elsewhere" },
    ]),
    execute(
      "busybox stat -c '%F %t:%T %a %u:%g' /dev/null /dev/sub/zero; busybox readlink /dev/fd",
    ),
  ]);
  t.strictSame(messages, []);
  t.equal(
    output,
    "character special file 1:3 640 5:6\ncharacter special file 1:5 640 5:6\n/proc/self/fd\n",
  );
  t.match(run(enter(path, [device("taken", 3)])).messages, [
    { kind: "fail", errno: 17, text: "another file is in the place of device /dev/taken" },
  ]);
  const other = run(enter(path, [...dev, device("null", 5), device("null", 3)]));
  t.match(other.messages, [{ kind: "fail", errno: 17 }]);
});

t.test("device nodes of the host can be bound, but not through a link", { skip }, async (t) => {
  const path = rootfs(t, { "dev/link": "-> /etc/target" });
  const device = (name: string): Step[] => [
    { op: "open_tree", path: "/dev/null", recursive: 0, slot: 5 },
    { op: "bind_device", root, path: name, slot: 5 },
  ];
  const { output } = run([
    ...enter(path, device("/dev/null")),
    execute("busybox stat -c '%t:%T' /dev/null"),
  ]);
  t.equal(output, "1:3\n");
  t.match(run(enter(path, device("/dev/link"))).messages, [{ kind: "fail", errno: 40 }]);
});

t.test("masked and read-only paths", { skip }, async (t) => {
  const path = rootfs(t, {
    "secret/file": "s",
    "other/file": "o",
    "etc/key": "k",
    "fixed/file": "f",
  });
  const nodes: Step = {
    op: "mknod",
    root,
    path: "/dev/null",
    mode: S_IFCHR | 0o666,
    major: 1,
    minor: 3,
    uid: 0,
    gid: 0,
  };
  const { output, messages } = run([
    ...enter(
      path,
      [...mount("tmpfs", "/dev"), nodes, ...mount("proc", "/proc")],
      [
        { op: "readonly_path", path: "/fixed" },
        { op: "readonly_path", path: "/missing" },
        { op: "readonly_path", path: "/proc/sys" },
        { op: "masked_path", path: "/secret" },
        { op: "masked_path", path: "/other" },
        { op: "masked_path", path: "/etc/key" },
        { op: "masked_path", path: "/proc/kallsyms" },
        { op: "masked_path", path: "/missing" },
        { op: "root_attributes", set: MOUNT_ATTR_RDONLY },
      ],
    ),
    execute(
      "busybox ls /secret /other; busybox cat /etc/key; busybox wc -c < /proc/kallsyms;" +
        "for f in /secret/x /other/x /fixed/x /proc/sys/kernel/shmmax /x; do (echo > $f); done; echo > /etc/key; echo done",
    ),
  ]);
  t.strictSame(messages, []);
  t.match(output, /^\/other:\n\n\/secret:\n0\n/);
  t.equal(output.match(/Read-only file system/g)?.length, 5);
  t.match(output, /done\n$/);
});

t.test("what masks a file must be a real null device", { skip }, async (t) => {
  const path = rootfs(t, { "dev/null": "fake", "etc/key": "k" });
  const { messages } = run(enter(path, [], [{ op: "masked_path", path: "/etc/key" }]));
  t.match(messages, [{ kind: "fail", text: "is not the null device: /dev/null" }]);
});

t.test("a terminal of the container's own devpts", { skip }, async (t) => {
  const path = rootfs(t);
  const { messages, terminal, output } = run([
    { op: "setsid" },
    ...enter(path, [
      ...mount("tmpfs", "/dev"),
      {
        op: "mknod",
        root,
        path: "/dev/tty",
        mode: S_IFCHR | 0o666,
        major: 5,
        minor: 0,
        uid: 0,
        gid: 0,
      },
      ...mount("devpts", "/dev/pts", { options: ["newinstance", "ptmxmode=0666", "mode=0620"] }),
      ...mount("proc", "/proc"),
      { op: "console", root, width: 91, height: 23, uid: 7, bind: 1 },
    ]),
    execute(
      "busybox stty size; busybox tty; busybox stat -c '%t:%T %u' /dev/console; echo to tty > /dev/tty",
    ),
  ]);
  t.match(messages, [{ kind: "console", fd: true }]);
  t.equal(terminal, "23 91\r\n/dev/pts/0\r\n88:0 7\r\nto tty\r\n");
  t.equal(output, "");
});

t.test("a fake ptmx is not opened", { skip }, async (t) => {
  const path = rootfs(t, { "dev/pts/ptmx": "fake" });
  const ops: Step[] = [{ op: "console", root, width: 0, height: 0, uid: 0, bind: 1 }];
  t.match(run(enter(path, ops)).messages, [
    { text: "is not the multiplexer of a devpts: /dev/pts/ptmx" },
  ]);
});

t.test(
  "without pivot_root no complete procfs or sysfs of the host is left",
  { skip },
  async (t) => {
    const path = rootfs(t);
    const ops = enter(path, mount("proc", "/proc")).map((op): Step =>
      op.op === "pivot" ? { ...op, op: "move_root" } : op,
    );
    const { output, messages } = run([
      ...ops,
      execute(
        'busybox ls /; busybox awk \'$9 == "proc" || $9 == "sysfs" { print $5 }\' /proc/self/mountinfo',
      ),
    ]);
    t.strictSame(messages, []);
    t.equal(output, "bin\ndev\netc\nproc\ntmp\n/proc\n");
  },
);

t.test("a mount namespace of its own is not needed for a root", { skip }, async (t) => {
  const path = rootfs(t, { "bin/busybox": readFileSync("/bin/busybox", "latin1") });
  writeFileSync(`${path}/bin/busybox`, readFileSync("/bin/busybox"), { mode: 0o755 });
  t.equal(statSync(`${path}/bin/busybox`).size, statSync("/bin/busybox").size);
  const { messages } = runInit([
    { op: "open_path", path, slot: root },
    { op: "chroot", root },
    { op: "open_path", path: "/etc", slot: 2 },
    { op: "open_path", path: "/usr", slot: 2 },
  ]);
  t.match(messages, [{ kind: "fail", op: 3, text: "open /usr" }]);
});

t.test("sysctls go to a procfs that nothing is mounted over", { skip }, async (t) => {
  const { output, messages } = run([
    ...enter(rootfs(t), [
      { op: "open_proc", slot: 9 },
      ...mount("proc", "/proc"),
      ...mount("tmpfs", "/proc/sys"),
      { op: "sysctl", proc: 9, file: "kernel/shmmax", value: "12345678" },
    ]),
    execute("busybox umount /proc/sys; busybox cat /proc/sys/kernel/shmmax"),
  ]);
  t.strictSame(messages, []);
  t.equal(output, "12345678\n");
  const bad = run([
    { op: "open_proc", slot: 9 },
    { op: "sysctl", proc: 9, file: "../1/comm", value: "x" },
  ]);
  t.match(bad.messages, [{ kind: "fail", errno: 18, text: "openat2 /proc/sys/../1/comm" }]);
});
