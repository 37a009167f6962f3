// Every option that `features` names, and what the kernel then says of the mount.
import { once } from "node:events";
import { chmodSync, chownSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import t, { type Test } from "tap";
import type { Mount } from "../../src/spec/types.ts";
import { prepare, shell, type Container } from "./support/container.ts";
import { notWith, onlyTsrun, run, scratch } from "./support/runtime.ts";

chmodSync(scratch, 0o711); // the root of a user namespace has to get through

/** What mountinfo says of a mount, and of the one in its directory sub. */
type Line = { own: string[]; peers: string; fileSystem: string[] };
type Seen = { mount: Line; sub: Line };
/** Mounts for a place. */
type Case = (c: Container, at: string) => Mount[];

/** Makes all cases in one container, each at a place of its own. */
function see(test: Test, cases: readonly Case[]): Seen[] {
  const c = prepare(test, (config) => (config.process.args = shell("cat /proc/self/mountinfo")));
  const place = (index: number): string => `/mnt/${index}`;
  c.configure((config) =>
    config.mounts.push(...cases.flatMap((make, index) => make(c, place(index)))),
  );
  const { status, stdout, stderr } = c.run();
  test.equal(status, 0, stderr);
  const lines = new Map(stdout.split("\n").map((line) => [line.split(" ")[4]!, parse(line)]));
  return cases.map((_, index) => ({
    mount: lines.get(place(index)) ?? absent,
    sub: lines.get(`${place(index)}/sub`) ?? absent,
  }));
}

const absent: Line = { own: [], peers: "", fileSystem: [] };

function parse(line: string): Line {
  const words = line.split(" ");
  const dash = words.indexOf("-");
  return {
    own: words[5]?.split(",") ?? [],
    peers: words.slice(6, dash).join(" "),
    fileSystem: words[dash + 3]?.split(",") ?? [],
  };
}

/** A bind of a directory of the bundle. */
const bound =
  (...options: string[]): Case =>
  (c, destination) => {
    mkdirSync(join(c.bundle, "data"), { recursive: true });
    return [{ destination, type: "bind", source: join(c.bundle, "data"), options }];
  };

/** A tmpfs in a tmpfs, bound with both. */
const tree =
  (below: string[], ...options: string[]): Case =>
  (c, destination) => [
    { destination: `/trees${destination}`, type: "tmpfs", source: "tmpfs" },
    { destination: `/trees${destination}/sub`, type: "tmpfs", source: "tmpfs", options: below },
    { destination, type: "bind", source: join(c.rootfs, "trees", destination), options },
  ];

const fresh =
  (...options: string[]): Case =>
  (_, destination) => [{ destination, type: "tmpfs", source: "tmpfs", options }];

/** Each with its opposite. */
const attributes = [
  ["ro", "rw"],
  ["nosuid", "suid"],
  ["nodev", "dev"],
  ["noexec", "exec"],
  ["nodiratime", "diratime"],
  ["nosymfollow", "symfollow"],
  ["noatime", "atime"],
  ["relatime", "norelatime"],
  ["strictatime", "nostrictatime"],
] as const;
/** The kernel shows no word for strictatime, and relatime, its default, for the opposites of others. */
const shown = (option: string): string => (option === "strictatime" ? "relatime" : option);

const superblock = [
  ["sync", "async"],
  ["lazytime", "nolazytime"],
] as const;
/** Flags of file systems without an opposite, and those that no kernel shows, or few file systems heed. */
const unseen = [
  "dirsync",
  "mand",
  "nomand",
  "iversion",
  "noiversion",
  "silent",
  "loud",
  "async",
  "defaults",
];
const propagations = ["private", "shared", "slave", "unbindable"];

/** Whether the word is there after the option, and after its opposite. */
const expected = attributes.flatMap(([option]) => [
  option !== "strictatime",
  option === "relatime" || option === "strictatime",
]);

const oneWay = notWith(
  "crun",
  "an opposite does not take an attribute off, and nosymfollow is not set",
);
const passesOn =
  notWith("runc", "hands defaults to the file system, which refuses it") ||
  notWith("crun", "the file system refuses iversion");

t.test("each attribute of a mount, and its opposite", { skip: oneWay }, async (t) => {
  const seen = see(
    t,
    attributes.flatMap(([option, opposite]) => [
      bound("bind", option),
      bound("bind", option, opposite),
    ]),
  );
  for (const [index, { mount }] of seen.entries()) {
    const [option] = attributes[index >> 1]!;
    t.equal(
      mount.own.includes(shown(option)),
      expected[index],
      attributes[index >> 1]![index & 1]!,
    );
  }
});

t.test(
  "each recursive attribute, and its opposite",
  { skip: onlyTsrun("a source in the rootfs") },
  async (t) => {
    const seen = see(
      t,
      attributes.flatMap(([option, opposite]) => [
        tree([], "rbind", `r${option}`),
        tree([option], "rbind", `r${opposite}`),
      ]),
    );
    for (const [index, { mount, sub }] of seen.entries()) {
      const pair = attributes[index >> 1]!;
      for (const line of [mount, sub]) {
        t.equal(line.own.includes(shown(pair[0])), expected[index], `r${pair[index & 1]}`);
      }
    }
  },
);

t.test("flags of the file system, and their opposites", { skip: passesOn }, async (t) => {
  const words = superblock.flatMap(([option, opposite]) => [[option], [option, opposite]]);
  const seen = see(t, [
    ...words.map((options) => fresh(...options)),
    ...unseen.map((option) => fresh(option)),
  ]);
  for (const [index, options] of words.entries()) {
    const there = seen[index]!.mount.fileSystem.includes(options[0]!);
    t.equal(there, options.length === 1, options.join());
  }
  for (const { mount } of seen) t.not(mount, absent);
});

const oneFlag = notWith("crun", "takes one propagation flag for a mount");

t.test("propagation flags count in their order", { skip: oneFlag }, async (t) => {
  const cases = [
    [["shared"], /^shared:/],
    [["shared", "private"], /^$/],
    [["shared", "slave"], /^$/],
    [["slave", "shared"], /^shared:/],
    [["private", "unbindable"], /^unbindable$/],
  ] as const;
  const seen = see(
    t,
    cases.map(([options]) => bound("bind", ...options)),
  );
  for (const [index, [options, peers]] of cases.entries()) {
    t.match(seen[index]!.mount.peers, peers, options.join());
  }
});

t.test(
  "recursive propagation flags are those of all mounts below too",
  { skip: onlyTsrun("a source in the rootfs") },
  async (t) => {
    const cases = [
      [["rshared"], /^shared:/],
      [["rshared", "rprivate"], /^$/],
      [["rslave"], /^$/],
      [["runbindable"], /^unbindable$/],
    ] as const;
    const seen = see(
      t,
      cases.map(([options]) => tree([], "rbind", ...options)),
    );
    for (const [index, [options, peers]] of cases.entries()) {
      const { mount, sub } = seen[index]!;
      for (const line of [mount, sub]) t.match(line.peers, peers, options.join());
    }
  },
);

t.test("an idmapped mount has the owners of its own mappings, or of the container's", async (t) => {
  const own = [{ containerID: 0, hostID: 5000, size: 100 }];
  const ownersWith = (more: Partial<Mount>, options: string[], userns: boolean): string => {
    const c = prepare(t, (config) => (config.process.args = shell("stat -c %u:%g /mnt /mnt/file")));
    const [mount] = bound(...options)(c, "/mnt");
    writeFileSync(join(c.bundle, "data/file"), "");
    mkdirSync(join(c.rootfs, "mnt"), { recursive: true });
    for (const name of ["data", "data/file"]) chownSync(join(c.bundle, name), 7, 8);
    c.configure((config) => {
      config.mounts.push({ ...mount!, ...more });
      if (!userns) return;
      config.linux.namespaces.push({ type: "user" });
      config.linux.uidMappings = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
      config.linux.gidMappings = [{ containerID: 0, hostID: 200_000, size: 65_536 }];
    });
    const { stdout, stderr } = c.run();
    return stdout.replaceAll("\n", " ").trim() || stderr;
  };
  const mappings = { uidMappings: own, gidMappings: own };
  for (const options of [["bind"], ["bind", "idmap"], ["rbind", "ridmap"]]) {
    t.equal(ownersWith(mappings, options, false), "5007:5008 5007:5008", options.join());
  }
  for (const options of [
    ["bind", "idmap"],
    ["rbind", "ridmap"],
  ]) {
    t.equal(ownersWith({}, options, true), "7:8 7:8", `${options.join()} of the container`);
  }
  t.equal(ownersWith({}, ["bind"], true), "65534:65534 65534:65534", "without a mapping");
});

const needsSysctl = notWith("runc", "reads /proc/sys of the container");

t.test("proc: subset and hidepid", { skip: needsSysctl }, async (t) => {
  const c = prepare(t, (config) => {
    config.mounts[0] = {
      destination: "/proc",
      type: "proc",
      source: "proc",
      options: ["subset=pid", "hidepid=invisible"],
    };
    config.process.args = shell("ls /proc | grep -v '^[0-9]'; grep ' /proc ' /proc/self/mountinfo");
    config.linux.maskedPaths = [];
    config.linux.readonlyPaths = [];
  });
  const { stdout, stderr } = c.run();
  t.match(stdout, /^self\nthread-self\n.*hidepid=invisible.*subset=pid/s, stderr);
});

t.test("a socket and a file are bound where there is no file yet", async (t) => {
  const c = prepare(
    t,
    (config) => (config.process.args = shell("test -S /run/socket && cat /file")),
  );
  const socket = join(c.bundle, "socket");
  const server = createServer().listen(socket);
  t.teardown(() => server.close());
  await once(server, "listening");
  t.ok(statSync(socket).isSocket());
  const file = join(c.bundle, "file");
  writeFileSync(file, "content\n");
  c.configure((config) =>
    config.mounts.push(
      { destination: "/run/socket", type: "bind", source: socket, options: ["bind"] },
      { destination: "/file", type: "bind", source: file, options: ["bind"] },
    ),
  );
  t.match(c.run(), { status: 0, stdout: "content\n" });
});

t.test("features names these options and no other", { skip: onlyTsrun("its list") }, async (t) => {
  const { mountOptions } = JSON.parse(run(["features"]).stdout) as { mountOptions: string[] };
  const recursive = attributes.flat().map((option) => `r${option}`);
  const tested = [
    ...attributes.flat(),
    ...recursive,
    ...superblock.flat(),
    ...unseen,
    ...propagations,
    ...propagations.map((option) => `r${option}`),
    "bind",
    "rbind",
    "idmap",
    "ridmap",
    // in 40-mounts
    "remount",
    "tmpcopyup",
  ];
  t.strictSame(mountOptions.toSorted(), [...new Set(tested)].toSorted());
});
