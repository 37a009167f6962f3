import { closeSync } from "node:fs";

import t from "tap";

import { addon, asRoot } from "./support.ts";

const ALLOW = 0x7fff0000;
const EPERM = 0x00050001;
const EQUAL = 4;
const MASKED_EQUAL = 7;

t.test("a filter is a whole number of instructions", (t) => {
  const { filter, unknown } = addon.seccompCompile({
    defaultAction: ALLOW,
    architectures: [],
    rules: [{ action: EPERM, names: ["mkdir", "no_such_call", "unlink"], args: [] }],
  });
  t.ok(filter.length > 8 && filter.length % 8 === 0);
  t.same(unknown, ["no_such_call"]);
  t.end();
});

const compileArgs = (args: { index: number; op: number; value: bigint; valueTwo: bigint }[]) =>
  addon.seccompCompile({
    defaultAction: ALLOW,
    architectures: [],
    rules: [{ action: EPERM, names: ["personality"], args }],
  }).filter;

t.test("two checks of one argument are alternatives, of two arguments conditions", (t) => {
  const first = { index: 0, op: EQUAL, value: 1n, valueTwo: 0n };
  const second = { index: 0, op: EQUAL, value: 2n, valueTwo: 0n };
  const together = compileArgs([first, second]);
  const apart = addon.seccompCompile({
    defaultAction: ALLOW,
    architectures: [],
    rules: [first, second].map((arg) => ({ action: EPERM, names: ["personality"], args: [arg] })),
  }).filter;
  t.same(together, apart);
  t.notSame(compileArgs([first, { ...second, index: 1 }]), apart);
  t.end();
});

t.test("a rule that does what happens anyway is none", (t) => {
  const profile = { defaultAction: ALLOW, architectures: [], rules: [] };
  const rule = { action: ALLOW, names: ["read"], args: [] };
  t.same(addon.seccompCompile({ ...profile, rules: [rule] }), addon.seccompCompile(profile));
  t.end();
});

t.test("a rule that libseccomp refuses is named", (t) => {
  t.throws(() => compileArgs([{ index: 6, op: MASKED_EQUAL, value: 0xffn, valueTwo: 1n }]), {
    code: "EINVAL",
    message:
      "EINVAL: libseccomp refuses the rule for personality with action 0x50001 when argument 6 & 0xff == 0x1",
  });
  t.end();
});

t.test("an architecture or action that is none is named", (t) => {
  const profile = { defaultAction: ALLOW, architectures: [], rules: [] };
  t.throws(() => addon.seccompCompile({ ...profile, architectures: [0x1234] }), {
    message: /refuses the architecture 0x1234/,
  });
  t.throws(() => addon.seccompCompile({ ...profile, defaultAction: 0x12340000 }), {
    message: /refuses the default action 0x12340000/,
  });
  t.end();
});

t.test("libseccomp knows the machine", (t) => {
  const native = addon.seccompNativeArch();
  t.match(addon.libseccompVersion, /^2\.\d+\.\d+$/);
  t.ok([0xc000003e, 0xc00000b7].includes(native));
  t.equal(addon.seccompResolve("read", 0xc000003e), 0);
  t.ok(addon.seccompResolve("no_such_call", native) < 0);
  t.equal(addon.seccompActionAvailable(ALLOW), true);
  t.equal(addon.seccompActionAvailable(0x12340000), false);
  t.end();
});

/** One struct bpf_insn. */
function instruction(code: number, immediate: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt8(code, 0);
  bytes.writeInt32LE(immediate, 4);
  return bytes;
}
const moveToResult = 0xb7;
const exit = 0x95;

t.test("a device program can be loaded", { skip: asRoot }, (t) => {
  const fd = addon.bpfLoadDevice(
    Buffer.concat([instruction(moveToResult, 1), instruction(exit, 0)]),
    "test",
  );
  t.ok(fd > 2);
  closeSync(fd);
  t.end();
});

t.test("what the verifier has against a program is in the error", { skip: asRoot }, (t) => {
  t.throws(() => addon.bpfLoadDevice(instruction(exit, 0), "bad"), {
    code: "EACCES",
    syscall: "bpf",
    message: /R0 !read_ok/,
  });
  t.end();
});

t.test("the addon has a build id", (t) => {
  t.match(addon.buildId, /^[0-9a-f]{32}$/);
  t.end();
});
