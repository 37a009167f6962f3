// An image that wants out: links in every place that the runtime touches, also exchanged while it does. What counts is
// what happened to files outside of the root; whether the container starts is another matter.
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import t, { type Test } from "tap";
import type { Mount } from "../../src/spec/types.ts";
import { makeOutside, startSwapping, whileSwapping, type Outside } from "./support/attacker.ts";
import { onTerminal } from "./support/console.ts";
import { prepare, shell, type Config, type Container } from "./support/container.ts";
import { kind, notWith, runtime } from "./support/runtime.ts";

t.setTimeout(600_000); // the lab has one slow processor

/** Creates under each race; $TSRUN_RACES makes it more thorough. */
const creates = Number(process.env.TSRUN_RACES ?? 6);

/** Ways to name what is outside, each for a link in the image. */
const ways: [name: string, target: (outside: string) => string][] = [
  ["absolute", (outside) => outside],
  ["relative", (outside) => `../../../../../../../../../..${outside}`],
  ["by the root of a process", (outside) => `/proc/self/root${outside}`],
  ["by the root of process 1", (outside) => `/proc/1/root${outside}`],
  ["by the working directory", () => "/proc/self/cwd/outside"],
  ["by a descriptor", () => "/proc/self/fd/5/outside"],
  ["by a descriptor of the parent", () => "/proc/1/fd/6/outside"],
];

const tmpfs = (destination: string): Mount => ({ destination, type: "tmpfs", source: "tmpfs" });

/** A bundle with a directory outside of its root; checks after the work that nothing happened to it. */
function attack(
  t: Test,
  edit: (config: Config, outside: Outside) => void,
  work: (c: Container, outside: Outside) => void = (c) => void run(c),
): void {
  const c = prepare(t);
  const outside = makeOutside(c);
  c.configure((config) => {
    config.process.args = ["true"];
    edit(config, outside);
  });
  const before = outside.look();
  work(c, outside);
  t.strictSame(outside.look(), before, "nothing happened outside");
  t.strictSame(hostMounts(c), [], "no mount is on the host");
}

function hostMounts({ bundle }: Container): string[] {
  const lines = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
  return lines.filter((line) => line.includes(bundle));
}

/** Runs it to its end; also one that is refused leaves nothing. */
function run(c: Container): { status: number | null; stdout: string; stderr: string } {
  const done = c.run();
  if (done.status !== 0) c.delete("--force");
  return done;
}

const link = (c: Container, name: string, target: string): void => {
  mkdirSync(dirname(join(c.rootfs, name)), { recursive: true });
  rmSync(join(c.rootfs, name), { recursive: true, force: true });
  symlinkSync(target, join(c.rootfs, name));
};

for (const [name, target] of ways) {
  t.test(`a link out of the image, ${name}, at the destinations of mounts`, async (t) => {
    attack(
      t,
      (config, { path }) => {
        const source = join(path, "../config.json");
        const file = { type: "bind", source, options: ["bind"] };
        config.mounts.push(
          tmpfs("/link"),
          { ...file, destination: "/direct/file" },
          { ...file, destination: "/direct/made-file" },
          tmpfs("/direct/directory"),
          tmpfs("/direct/made/for/it"),
        );
        config.process.args = ["cat", "/proc/self/mountinfo"];
      },
      (c, outside) => {
        link(c, "link", target(outside.path));
        link(c, "direct", target(outside.path));
        const { status, stdout } = run(c);
        const inside = stdout.split("\n").filter((line) => line.includes(` ${outside.path}`));
        if (status === 0) t.equal(inside.length, 5, "all of them are in the root");
        else if (kind === "tsrun")
          t.match(target(""), "/proc/", "links without magic are followed");
      },
    );
  });

  t.test(`a link out of the image, ${name}, at devices, hidden paths and the cwd`, async (t) => {
    const device = { type: "c", major: 1, minor: 3, fileMode: 0o666, uid: 12, gid: 34 };
    const paths = ["/link", "/link/file", "/link/directory"];
    const edits: ((config: Config) => void)[] = [
      (config) =>
        (config.linux.devices = ["/link/made", "/link/null"].map((path) => ({ ...device, path }))),
      (config) => {
        config.linux.maskedPaths = config.linux.readonlyPaths = paths;
        config.process.cwd = "/link/made/for/it";
      },
    ];
    for (const edit of edits) {
      attack(t, edit, (c, outside) => {
        link(c, "link", target(outside.path));
        run(c);
      });
    }
  });
}

t.test("a link out of the image in the place of /dev, /proc or /sys", async (t) => {
  for (const place of ["dev", "proc", "sys"]) {
    attack(
      t,
      (config) => {
        // The devices and links of /dev are made in the image itself.
        config.mounts = config.mounts.filter(({ destination: at }) => !at.startsWith("/dev"));
      },
      (c, outside) => {
        link(c, place, `../../../../../../../../../..${outside.path}`);
        run(c);
      },
    );
  }
});

t.test("a link in the place of a device is neither followed nor given away", async (t) => {
  for (const names of [["ptmx", "fd", "stdin", "core", "pts", "shm"], ["null"], ["zero"]]) {
    attack(
      t,
      (config) => {
        config.mounts = config.mounts.filter(({ destination: at }) => !at.startsWith("/dev"));
        config.process.user = { uid: 1000, gid: 1000 };
      },
      (c, outside) => {
        for (const name of names) link(c, `dev/${name}`, join(outside.path, "null"));
        run(c);
      },
    );
  }
});

t.test("a link in the place of /dev/console gets no terminal mounted on", async (t) => {
  const c = prepare(t, (config) => {
    config.process.terminal = true;
    config.process.args = shell("readlink /dev/console; cat /victim; grep -c victim /proc/mounts");
    config.mounts = config.mounts.filter(
      ({ destination }) => !["/dev", "/dev/shm", "/dev/mqueue"].includes(destination),
    );
  });
  const outside = makeOutside(c);
  mkdirSync(join(c.rootfs, "dev/pts"));
  writeFileSync(join(c.rootfs, "victim"), "untouched\n");
  const before = outside.look();
  for (const target of ["/victim", join(outside.path, "file"), `../../outside/file`]) {
    rmSync(join(c.rootfs, "dev/console"), { force: true });
    symlinkSync(target, join(c.rootfs, "dev/console"));
    const words = [runtime, "--root", c.root, "run", "--bundle", c.bundle, c.id];
    const terminal = onTerminal(20, 60, words);
    const status = await terminal.end;
    if (status === 0) t.match(terminal.output(), /untouched\s+0\s/, target);
    else c.delete("--force");
    t.strictSame(outside.look(), before, target);
  }
});

t.test(
  "a /dev/console that changes places with a link gets the terminal, not what the link leads to",
  async (t) => {
    const c = prepare(t);
    const dev = join(c.bundle, "dev");
    mkdirSync(join(dev, "pts"), { recursive: true });
    writeFileSync(join(dev, "console"), "");
    symlinkSync("/victim", join(dev, "planted"));
    writeFileSync(join(c.rootfs, "victim"), "untouched\n");
    c.configure((config) => {
      config.mounts = config.mounts.filter(
        ({ destination }) => !["/dev", "/dev/shm", "/dev/mqueue"].includes(destination),
      );
      config.mounts.splice(1, 0, {
        destination: "/dev",
        type: "bind",
        source: dev,
        options: ["bind"],
      });
      config.process.terminal = true;
      config.process.args = shell("cat /victim; grep -c victim /proc/mounts");
    });
    const words = [runtime, "--root", c.root, "run", "--bundle", c.bundle, c.id];
    const swapper = startSwapping(join(dev, "console"), join(dev, "planted"));
    t.teardown(swapper);
    for (let round = 0; round < creates; round += 1) {
      const terminal = onTerminal(20, 60, words);
      if ((await terminal.end) === 0) t.match(terminal.output(), /untouched\s+0\s/);
      else c.delete("--force");
    }
  },
);

t.test("dots lead nowhere in any path of the configuration", async (t) => {
  const up = "/../../../../../../../../../..";
  const device = { type: "c", major: 1, minor: 3 };
  const edits: ((config: Config, outside: string) => void)[] = [
    (config, outside) => {
      config.mounts.push(
        tmpfs(`${up}${outside}`),
        tmpfs(`/tmp/..${up}${outside}/directory`),
        tmpfs("/../outside/made"),
      );
      config.linux.maskedPaths = [`${up}${outside}/file`];
      config.linux.readonlyPaths = [`${up}${outside}`];
      config.process.cwd = `${up}${outside}/made`;
    },
    (config, outside) => {
      const paths = [`${up}${outside}/made`, "/dev/../../outside/made"];
      config.linux.devices = paths.map((path) => ({ ...device, path }));
      config.process.cwd = "/tmp/../../outside/made";
    },
    (config) => (config.linux.sysctl = { "net/../../../outside/file": "1" }),
    (config) => (config.linux.sysctl = { "net.ipv4.ip_forward/../../../../outside/file": "1" }),
  ];
  for (const edit of edits) attack(t, (config, { path }) => edit(config, path));
});

t.test(
  "a link in the image leads no mount into /proc",
  { skip: notWith("crun", "follows it") },
  async (t) => {
    for (const [target, destination] of [
      ["proc/self", "/link/attr"],
      ["proc/sys/kernel", "/link"],
      ["/proc/self/attr", "/link"],
    ] as const) {
      const c = prepare(t, (config) => {
        config.mounts.push(tmpfs(destination));
        config.process.args = ["cat", "/proc/mounts"];
      });
      symlinkSync(target, join(c.rootfs, "link"));
      const { status, stdout, stderr } = run(c);
      t.not(status, 0, `${destination} -> ${target}`);
      t.notMatch(stdout, /^tmpfs \/proc\/(self|sys|\d+)/m);
      t.match(stderr, /proc/);
    }
  },
);

t.test("a file in the place of /proc is not taken for a procfs", async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["true"]));
  rmSync(join(c.rootfs, "proc"), { recursive: true });
  writeFileSync(join(c.rootfs, "proc"), "of the image\n");
  t.not(run(c).status, 0);
  t.equal(readFileSync(join(c.rootfs, "proc"), "utf8"), "of the image\n");
});

t.test("procfs and sysfs go on no link, wherever it leads", async (t) => {
  for (const [place, type] of [
    ["proc", "proc"],
    ["sys", "sysfs"],
    ["mnt", "proc"],
  ] as const) {
    attack(
      t,
      (config) => {
        config.mounts = config.mounts.filter(({ destination }) => destination !== `/${place}`);
        config.mounts.push({ destination: `/${place}`, type, source: type });
        config.linux.maskedPaths = config.linux.readonlyPaths = [];
      },
      (c) => {
        link(c, place, "/tmp");
        const { status } = run(c);
        if (kind === "tsrun") t.equal(status, 1, `${type} at a link`);
      },
    );
  }
});

t.test(
  "a source in the root is found in the root, also through a link",
  { skip: notWith("runc", "follows it") || notWith("crun", "follows it") },
  async (t) => {
    const c = prepare(t);
    const outside = makeOutside(c);
    symlinkSync(outside.path, join(c.rootfs, "link"));
    c.configure((config) => {
      const source = join(c.rootfs, "link");
      config.mounts.push({ destination: "/mnt", type: "bind", source, options: ["rbind"] });
      config.process.args = ["cat", "/mnt/file"];
    });
    const { stdout } = run(c);
    t.notMatch(stdout, "of the host");
  },
);

// -- exchanged while the runtime looks

/** The image has a directory and beside it a link out; both change places during many creates. */
function race(
  t: Test,
  edit: (config: Config) => void,
  isGood: (stdout: string) => boolean = () => true,
): void {
  attack(t, edit, (c, outside) => {
    const [place, other] = [join(c.rootfs, "place"), join(c.rootfs, "other")];
    const before = outside.look();
    mkdirSync(join(place, "directory"), { recursive: true });
    writeFileSync(join(place, "file"), "of the image\n");
    symlinkSync(`../../../../../../../../../..${outside.path}`, other);
    whileSwapping(place, other, () => {
      for (let round = 0; round < creates; round += 1) {
        rmSync(join(c.bundle, "stdout"), { force: true });
        const { status, stdout } = run(c);
        if (status === 0) t.ok(isGood(stdout), stdout);
        if (stdout.includes("of the host")) t.fail(`read in round ${round}`);
        if (outside.look().join() !== before.join()) t.fail(`changed in round ${round}`);
      }
    });
  });
}

for (const [what, edit, isGood] of [
  [
    "a mount",
    (config: Config) => {
      config.mounts.push(tmpfs("/place"), tmpfs("/place/made/late"));
      config.process.args = ["cat", "/proc/self/mountinfo"];
    },
    // Both are in the root, by the name that the directory has now.
    (stdout: string) => stdout.match(/ \S*\/(place|other|outside)\S* .* tmpfs /g)?.length === 2,
  ],
  [
    "a device, which gets an owner",
    (config: Config) => {
      const device = { type: "c", major: 1, minor: 3, uid: 12, gid: 34 };
      config.linux.devices = ["null", "made"].map((name) => ({
        ...device,
        path: `/place/${name}`,
      }));
    },
  ],
  [
    "a hidden path and the working directory",
    (config: Config) => {
      config.linux.maskedPaths = ["/place/file"];
      config.linux.readonlyPaths = ["/place"];
      config.process.cwd = "/place/directory";
      config.process.args = shell("cat /place/file inner ../file");
    },
  ],
] as const) {
  t.test(`a link that changes places with a directory under ${what}`, async (t) => {
    race(t, edit, isGood);
  });
}

t.test("a source that changes places with another one is bound as one or the other", async (t) => {
  attack(
    t,
    (config, { path }) => {
      const source = join(path, "../source");
      config.mounts.push({ destination: "/mnt/it", type: "bind", source, options: ["bind", "ro"] });
      config.process.args = shell("test -d /mnt/it && echo directory || cat /mnt/it");
    },
    (c, { path }) => {
      const [source, other] = [join(path, "../source"), join(path, "../other")];
      mkdirSync(source);
      writeFileSync(other, "file\n");
      whileSwapping(source, other, () => {
        for (let round = 0; round < creates; round += 1) {
          rmSync(join(c.rootfs, "mnt"), { recursive: true, force: true });
          rmSync(join(c.bundle, "stdout"), { force: true });
          const { status, stdout, stderr } = run(c);
          if (kind === "tsrun") t.equal(status, 0, stderr);
          if (status === 0) t.match(stdout, /^(directory|file)\n$/);
        }
      });
    },
  );
});

t.test("a /dev/null that changes places with a link never becomes a mask", async (t) => {
  const c = prepare(t);
  const dev = join(c.bundle, "dev");
  mkdirSync(dev);
  writeFileSync(join(c.rootfs, "secret"), "secret\n");
  writeFileSync(join(c.rootfs, "open"), "open\n");
  c.configure((config) => {
    config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith("/dev"));
    config.mounts.push({ destination: "/dev", type: "bind", source: dev, options: ["bind"] });
    config.linux.maskedPaths = ["/secret"];
    config.process.args = shell("stat -c 'mask %t:%T' /secret; cat /secret");
  });
  run(c);
  symlinkSync("/open", join(dev, "planted"));
  whileSwapping(join(dev, "null"), join(dev, "planted"), () => {
    for (let round = 0; round < creates; round += 1) {
      rmSync(join(c.bundle, "stdout"), { force: true });
      const { status, stdout } = run(c);
      if (status === 0) t.equal(stdout, "mask 1:3\n");
      else t.notMatch(stdout, /open|secret/);
    }
  });
});
