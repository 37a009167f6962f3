import t from "tap";
import { mountOptions } from "../../../src/spec/mount-options.ts";
import * as tables from "../../../src/spec/tables.ts";
import { signalNumber } from "../../../src/spec/tables.ts";

// config.md, Linux mount options
const specified =
  `async atime bind defaults dev diratime dirsync exec iversion lazytime loud mand noatime nodev
  nodiratime noexec noiversion nolazytime nomand norelatime nostrictatime nosuid nosymfollow private ratime rbind rdev
  rdiratime relatime remount rexec rnoatime rnodev rnodiratime rnoexec rnorelatime rnostrictatime rnosuid rnosymfollow
  ro rprivate rrelatime rro rrw rshared rslave rstrictatime rsuid rsymfollow runbindable rw shared silent slave
  strictatime suid symfollow sync tmpcopyup unbindable idmap ridmap`.split(/\s+/);

t.test("all mount options of the specification are known", async (t) => {
  t.strictSame(
    specified.filter((name) => !(name in mountOptions)),
    [],
  );
});

/** What is left of a list of options when they are applied in order. */
function attributesOf(...names: string[]): number {
  let attributes = 0;
  for (const name of names) {
    const option = mountOptions[name];
    if (option?.kind === "attribute") attributes = (attributes & ~option.clear) | option.set;
  }
  return attributes;
}

t.test("the later mount option wins", async (t) => {
  t.equal(attributesOf("ro", "nosuid", "rw"), 2);
  t.equal(attributesOf("noatime"), 0x10);
  t.equal(attributesOf("noatime", "strictatime"), 0x20);
  t.equal(attributesOf("strictatime", "relatime"), 0);
  t.equal(attributesOf("noatime", "norelatime"), 0x10, "norelatime takes back relatime alone");
  t.equal(attributesOf("noatime", "nostrictatime"), 0x10);
  t.equal(attributesOf("noatime", "atime"), 0);
});

t.test("the recursive options are the plain ones with recursion", async (t) => {
  const pairs = Object.entries(mountOptions).filter(([, { kind }]) => kind === "attribute");
  for (const [name, option] of pairs) {
    if (option.kind !== "attribute" || !option.recursive) continue;
    const plain = mountOptions[name.slice(1)];
    t.match(plain, { kind: "attribute", recursive: false, set: option.set }, name);
  }
});

t.test("capabilities are 0 to 40 and rlimits 0 to 15 without a gap", async (t) => {
  t.strictSame(Object.values(tables.capabilities), [...Array(41).keys()]);
  t.strictSame(Object.values(tables.rlimits), [...Array(16).keys()]);
});

t.test("signals by the names that people write", async (t) => {
  for (const [name, number] of [
    ["SIGTERM", 15],
    ["term", 15],
    ["sigKill", 9],
    ["USR1", 10],
    ["RTMIN", 34],
    ["SIGRTMIN+1", 35],
    ["rtmax-1", 63],
    ["SIGRTMAX", 64],
  ] as const) {
    t.equal(signalNumber(name), number, name);
  }
  for (const name of ["", "SIG", "FOO", "RTMIN+31", "RTMAX-31", "RTMIN-1", "constructor", "9"]) {
    t.equal(signalNumber(name), undefined, name);
  }
});

t.test("seccomp architectures are those of the kernel's audit numbers", async (t) => {
  const { seccompArchitectures } = tables;
  const bits64 = 0x8000_0000;
  const little = 0x4000_0000;
  t.equal(seccompArchitectures.SCMP_ARCH_X86_64, bits64 + little + 62);
  t.equal(seccompArchitectures.SCMP_ARCH_AARCH64, bits64 + little + 183);
  t.equal(seccompArchitectures.SCMP_ARCH_X32, little + 62);
  t.equal(
    new Set(Object.values(seccompArchitectures)).size,
    Object.keys(seccompArchitectures).length,
  );
});
