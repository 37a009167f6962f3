import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { native } from "../../../src/native.ts";
import { compileSeccomp } from "../../../src/seccomp/compile.ts";
import type { Seccomp } from "../../../src/spec/types.ts";
import { runFilter } from "./filter-machine.ts";

const addon = join(import.meta.dirname, "../../../build/Release");
globalThis.tsrunNativeDirectory = addon;
const skip = existsSync(join(addon, "tsrun.node")) ? false : "the addon is not built";

const ALLOW = 0x7fff0000;
const errno = (number: number): number => 0x00050000 | number;
const uncached = { cacheDirectory: null };

/** Answers of the filter by the name of the call, on the machine's own architecture. */
function answers(seccomp: Seccomp): (name: string | number, ...args: bigint[]) => number {
  const { filter } = compileSeccomp(seccomp, uncached)!;
  const arch = native().seccompNativeArch();
  return (name, ...args) =>
    runFilter(filter, {
      arch,
      nr: typeof name === "number" ? name : native().seccompResolve(name, arch),
      args,
    });
}

const deny = (syscalls: Seccomp["syscalls"], changes: Partial<Seccomp> = {}): Seccomp => ({
  defaultAction: "SCMP_ACT_ERRNO",
  syscalls,
  ...changes,
});

t.test("a section that asks for nothing gives no filter", async (t) => {
  t.equal(compileSeccomp({ defaultAction: "" }, uncached), null);
  t.equal(compileSeccomp({ defaultAction: "", syscalls: [] }, uncached), null);
});

t.test("notification without an agent's socket is refused", async (t) => {
  const syscalls = [{ names: ["mkdir"], action: "SCMP_ACT_NOTIFY" }];
  t.throws(() => compileSeccomp({ defaultAction: "SCMP_ACT_ALLOW", syscalls }, uncached), {
    code: "CONFIG_INVALID",
    message: "seccomp listenerPath is not set",
    pointer: "/linux/seccomp/listenerPath",
  });
});

t.test("the filter does what the profile says", { skip }, async (t) => {
  const answer = answers(
    deny([
      { names: ["read", "write", "no_such_call"], action: "SCMP_ACT_ALLOW" },
      { names: ["mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 13 },
      {
        names: ["personality"],
        action: "SCMP_ACT_ALLOW",
        args: [
          { index: 0, value: 8, op: "SCMP_CMP_EQ" },
          { index: 0, value: 0xffffffff, op: "SCMP_CMP_EQ" },
        ],
      },
      {
        names: ["socket"],
        action: "SCMP_ACT_ALLOW",
        args: [{ index: 0, value: 40, op: "SCMP_CMP_NE" }],
      },
      {
        names: ["clone"],
        action: "SCMP_ACT_ALLOW",
        args: [{ index: 0, value: 0x7e020000, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }],
      },
      { names: ["openat2"], action: "SCMP_ACT_KILL_PROCESS" },
    ]),
  );
  t.equal(answer("read"), ALLOW);
  t.equal(answer("close"), errno(1), "the default");
  t.equal(answer("mkdirat"), errno(13));
  t.equal(answer("personality", 8n), ALLOW, "one alternative");
  t.equal(answer("personality", 0xffffffffn), ALLOW, "the other");
  t.equal(answer("personality", 1n), errno(1));
  t.equal(answer("socket", 2n), ALLOW);
  t.equal(answer("socket", 40n), errno(1));
  t.equal(answer("clone", 0x11n), ALLOW);
  t.equal(answer("clone", 0x10000011n), errno(1), "CLONE_NEWUSER");
  t.equal(answer("openat2"), 0x80000000);
});

t.test("system calls newer than the profile look absent", { skip }, async (t) => {
  const rules = [{ names: ["read", "openat2"], action: "SCMP_ACT_ALLOW" }];
  const arch = native().seccompNativeArch();
  const last = native().seccompResolve("openat2", arch);
  const cases: [what: string, seccomp: Seccomp, beyond: number][] = [
    ["ERRNO", deny(rules), errno(38)],
    ["another errno", deny(rules, { defaultErrnoRet: 2 }), errno(38)],
    ["KILL", { defaultAction: "SCMP_ACT_KILL", syscalls: rules }, errno(38)],
    ["TRAP", { defaultAction: "SCMP_ACT_TRAP", syscalls: rules }, errno(38)],
    ["TRACE", { defaultAction: "SCMP_ACT_TRACE", syscalls: rules }, 0x7ff00001],
    [
      "ALLOW",
      {
        defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [{ names: ["openat2"], action: "SCMP_ACT_KILL" }],
      },
      ALLOW,
    ],
    ["LOG", { defaultAction: "SCMP_ACT_LOG", syscalls: rules }, 0x7ffc0000],
  ];
  for (const [what, seccomp, beyond] of cases)
    t.equal(answers(seccomp)(last + 1), beyond, `by default ${what}`);
  t.equal(answers(deny(rules))("close"), errno(1), "an older one is refused as the profile says");
});

t.test("without any rule the default action stands alone", { skip }, async (t) => {
  t.equal(answers(deny([]))("read"), errno(1));
  t.equal(answers(deny(undefined, { defaultErrnoRet: 38 }))("read"), errno(38));
  t.equal(answers({ defaultAction: "SCMP_ACT_ALLOW" })("read"), ALLOW);
});

t.test(
  "a call of an architecture that the profile does not name is killed",
  { skip },
  async (t) => {
    const { filter } = compileSeccomp(
      deny([{ names: ["read"], action: "SCMP_ACT_ALLOW" }]),
      uncached,
    )!;
    t.equal(runFilter(filter, { arch: 0x40000028, nr: 3 }), 0);
  },
);

t.test("unknown names are told, not refused", { skip }, async (t) => {
  const { unknown } = compileSeccomp(
    deny([{ names: ["read", "no_such_call"], action: "SCMP_ACT_ALLOW" }]),
    uncached,
  )!;
  t.strictSame(unknown, ["no_such_call"]);
});

t.test("what libseccomp refuses is an error of the profile", { skip }, async (t) => {
  t.throws(() => compileSeccomp(deny([], { architectures: ["SCMP_ARCH_S390X"] }), uncached), {
    code: "SECCOMP",
    pointer: "/linux/seccomp",
  });
});

t.test("the second time comes from the cache", { skip }, async (t) => {
  const options = { cacheDirectory: `${t.testdir()}/cache` };
  const seccomp = deny([{ names: ["read"], action: "SCMP_ACT_NOTIFY" }], {
    listenerPath: "/run/agent.sock",
    listenerMetadata: "one",
  });
  const first = compileSeccomp(seccomp, options)!;
  const [name, ...more] = readdirSync(options.cacheDirectory);
  t.strictSame(more, []);
  // A mark in the kept filter shows that it is this one that comes back.
  const file = join(options.cacheDirectory, name!);
  const content = readFileSync(file);
  content[content.length - 1]! ^= 0xff;
  writeFileSync(file, content);
  const second = compileSeccomp({ ...seccomp, listenerMetadata: "another" }, options)!;
  t.equal(second.filter.at(-1), first.filter.at(-1)! ^ 0xff);
  t.match(second, { flags: first.flags, notify: true, unknown: [] });
  compileSeccomp({ ...seccomp, defaultErrnoRet: 2 }, options);
  t.equal(readdirSync(options.cacheDirectory).length, 2, "another profile is another entry");
  t.throws(() => compileSeccomp({ ...seccomp, listenerPath: "" }, options), {
    message: "seccomp listenerPath is not set",
  });
});

t.test("values beyond 2^53 are kept apart in the cache", { skip }, async (t) => {
  const options = { cacheDirectory: `${t.testdir()}/cache` };
  for (const value of [2n ** 53n, 2n ** 53n + 1n]) {
    compileSeccomp(
      deny([
        {
          names: ["read"],
          action: "SCMP_ACT_ALLOW",
          args: [{ index: 0, value, op: "SCMP_CMP_EQ" }],
        },
      ]),
      options,
    );
  }
  t.equal(readdirSync(options.cacheDirectory).length, 2);
});
