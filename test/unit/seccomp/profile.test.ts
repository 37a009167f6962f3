import t from "tap";
import {
  convertProfile,
  filterFlags,
  supportedFlags,
  usesNotify,
} from "../../../src/seccomp/profile.ts";
import type { Seccomp, SeccompSyscall } from "../../../src/spec/types.ts";

const kernel = "6.1.0-13-amd64";
const profile = (changes: Partial<Seccomp>): Seccomp => ({
  defaultAction: "SCMP_ACT_ALLOW",
  ...changes,
});
const withRule = (rule: Partial<SeccompSyscall>): Seccomp =>
  profile({ syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_ERRNO", ...rule }] });

t.test("actions become libseccomp's, with the errno in the low half", async (t) => {
  const table: [action: string, errnoRet: number | undefined, expected: number][] = [
    ["SCMP_ACT_KILL", undefined, 0],
    ["SCMP_ACT_KILL_THREAD", undefined, 0],
    ["SCMP_ACT_KILL_PROCESS", undefined, 0x80000000],
    ["SCMP_ACT_TRAP", undefined, 0x00030000],
    ["SCMP_ACT_ERRNO", undefined, 0x00050001],
    ["SCMP_ACT_ERRNO", 38, 0x00050026],
    ["SCMP_ACT_ERRNO", 0, 0x00050000],
    ["SCMP_ACT_TRACE", undefined, 0x7ff00001],
    ["SCMP_ACT_TRACE", 5, 0x7ff00005],
    ["SCMP_ACT_LOG", undefined, 0x7ffc0000],
    ["SCMP_ACT_LOG", 5, 0x7ffc0000],
    ["SCMP_ACT_NOTIFY", undefined, 0x7fc00000],
  ];
  for (const [action, errnoRet, expected] of table) {
    t.equal(
      convertProfile(withRule({ action, errnoRet })).rules[0]?.action,
      expected,
      `${action} ${errnoRet}`,
    );
  }
  t.equal(
    convertProfile(profile({ defaultAction: "SCMP_ACT_ERRNO", defaultErrnoRet: 38 })).defaultAction,
    0x00050026,
  );
});

t.test("a rule that says what is the default anyway is left out", async (t) => {
  const rule = { names: ["read"], action: "SCMP_ACT_ERRNO" };
  t.strictSame(convertProfile({ defaultAction: "SCMP_ACT_ERRNO", syscalls: [rule] }).rules, []);
  t.equal(
    convertProfile({ defaultAction: "SCMP_ACT_ERRNO", syscalls: [{ ...rule, errnoRet: 2 }] }).rules
      .length,
    1,
  );
  t.strictSame(
    convertProfile({
      defaultAction: "SCMP_ACT_KILL",
      syscalls: [{ ...rule, action: "SCMP_ACT_KILL_THREAD" }],
    }).rules,
    [],
  );
});

t.test("conditions on different arguments hold together", async (t) => {
  const { rules } = convertProfile(
    withRule({
      args: [
        { index: 0, value: 1, op: "SCMP_CMP_EQ" },
        { index: 1, value: 18446744073709551615n, valueTwo: 2, op: "SCMP_CMP_MASKED_EQ" },
      ],
    }),
  );
  t.strictSame(rules, [
    {
      action: 0x00050001,
      names: ["mkdir"],
      args: [
        { index: 0, op: 4, value: 1n, valueTwo: 0n },
        { index: 1, op: 7, value: 18446744073709551615n, valueTwo: 2n },
      ],
    },
  ]);
});

t.test("conditions on one argument are alternatives", async (t) => {
  const { rules } = convertProfile(
    withRule({
      args: [
        { index: 0, value: 1, op: "SCMP_CMP_EQ" },
        { index: 0, value: 2, op: "SCMP_CMP_EQ" },
      ],
    }),
  );
  t.strictSame(
    rules.map(({ args }) => args.map(({ value }) => value)),
    [[1n], [2n]],
  );
});

t.test("architectures become tokens", async (t) => {
  const { architectures } = convertProfile(
    profile({ architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X32", "SCMP_ARCH_AARCH64"] }),
  );
  t.strictSame(architectures, [0xc000003e, 0x4000003e, 0xc00000b7]);
});

t.test("flags: absent or null is SPEC_ALLOW, an empty list is none", async (t) => {
  t.equal(filterFlags({}, kernel), 4);
  t.equal(filterFlags({ flags: null }, kernel), 4);
  t.equal(filterFlags({ flags: [] }, kernel), 0);
  t.equal(
    filterFlags({ flags: ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_TSYNC"] }, kernel),
    2,
    "TSYNC means nothing to one thread",
  );
});

const notify = [{ names: ["mkdir"], action: "SCMP_ACT_NOTIFY" }];

t.test("flags: with an agent the filter returns a listener", async (t) => {
  t.equal(filterFlags({ flags: [], syscalls: notify }, kernel), 8);
  t.ok(usesNotify(notify));
  t.notOk(
    usesNotify([{ names: [], action: "SCMP_ACT_NOTIFY" }]),
    "a rule without names is no rule",
  );
  t.notOk(usesNotify(undefined));
});

t.test("flags: WAIT_KILLABLE_RECV needs an agent, and Linux 5.19", async (t) => {
  const flags = ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"];
  t.equal(filterFlags({ flags, syscalls: notify }, "5.19.0"), 8 | 32);
  t.equal(filterFlags({ flags }, "5.19.0"), 0);
  t.throws(() => filterFlags({ flags, syscalls: notify }, "5.15.0-1"), {
    code: "CONFIG_UNSUPPORTED",
    pointer: "/linux/seccomp/flags/0",
  });
  t.ok(supportedFlags("6.1.0").includes(flags[0]!));
  t.notOk(supportedFlags("5.15.0").includes(flags[0]!));
});

t.test("what is wrong is named with its place", async (t) => {
  const arg = { index: 0, value: 0, op: "SCMP_CMP_EQ" };
  const wrong: [Seccomp, pointer: string, message: RegExp][] = [
    [profile({ defaultAction: "ALLOW" }), "defaultAction", /invalid seccomp action "ALLOW"/],
    [profile({ defaultAction: "toString" }), "defaultAction", /invalid seccomp action/],
    [
      profile({ defaultAction: "SCMP_ACT_NOTIFY" }),
      "defaultAction",
      /SCMP_ACT_NOTIFY cannot be used as default action/,
    ],
    [
      withRule({ action: "SCMP_ACT_NOTIFY", names: ["read", "write"] }),
      "syscalls/0/names/1",
      /SCMP_ACT_NOTIFY cannot be used for the write syscall/,
    ],
    [withRule({ names: [""] }), "syscalls/0/names/0", /empty string is not a valid syscall/],
    [
      withRule({ action: "SCMP_ACT_NOPE" }),
      "syscalls/0/action",
      /invalid seccomp action "SCMP_ACT_NOPE"/,
    ],
    [withRule({ errnoRet: 70000 }), "syscalls/0/errnoRet", /invalid errnoRet 70000/],
    [
      withRule({ args: [{ ...arg, op: "==" }] }),
      "syscalls/0/args/0/op",
      /invalid seccomp operator "=="/,
    ],
    [
      withRule({ args: [arg, { ...arg, index: 6 }] }),
      "syscalls/0/args/1/index",
      /invalid argument index 6/,
    ],
    [
      profile({ architectures: ["SCMP_ARCH_X86", "x86"] }),
      "architectures/1",
      /invalid seccomp architecture "x86"/,
    ],
  ];
  for (const [seccomp, pointer, message] of wrong) {
    t.throws(
      () => convertProfile(seccomp),
      { code: "CONFIG_INVALID", pointer: `/linux/seccomp/${pointer}`, message },
      pointer,
    );
  }
  t.throws(() => filterFlags({ flags: ["NOPE"] }, kernel), {
    code: "CONFIG_INVALID",
    pointer: "/linux/seccomp/flags/0",
  });
});
