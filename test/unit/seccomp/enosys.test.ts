import t from "tap";
import { buildEnosysPrologue } from "../../../src/seccomp/enosys.ts";
import { runFilter } from "./filter-machine.ts";

const X86_64 = 0xc000003e;
const X86 = 0x40000003;
const X32_TOKEN = 0x4000003e;
const X32_BIT = 0x40000000;
const AARCH64 = 0xc00000b7;

const ENOSYS = 0x00050026;
/** Stands for the filter behind the prologue. */
const reached = 0x7fff1234;
const filter = new Uint8Array(new Uint16Array([0x06, 0, reached & 0xffff, reached >>> 16]).buffer);

const withFilter = (prologue: Uint8Array): Uint8Array => Uint8Array.from([...prologue, ...filter]);

t.test("numbers above the largest get ENOSYS, all others the filter", async (t) => {
  const program = withFilter(buildEnosysPrologue([{ architecture: X86_64, number: 439 }]));
  t.equal(runFilter(program, { arch: X86_64, nr: 0 }), reached);
  t.equal(runFilter(program, { arch: X86_64, nr: 439 }), reached);
  t.equal(runFilter(program, { arch: X86_64, nr: 440 }), ENOSYS);
  t.equal(runFilter(program, { arch: X86_64, nr: 0x3fffffff }), ENOSYS);
});

t.test("each architecture has its own largest number", async (t) => {
  const program = withFilter(
    buildEnosysPrologue([
      { architecture: X86_64, number: 100 },
      { architecture: X86, number: 200 },
      { architecture: AARCH64, number: 300 },
    ]),
  );
  for (const [arch, last] of [
    [X86_64, 100],
    [X86, 200],
    [AARCH64, 300],
  ] as const) {
    t.equal(runFilter(program, { arch, nr: last }), reached);
    t.equal(runFilter(program, { arch, nr: last + 1 }), ENOSYS);
  }
});

t.test("an architecture that the profile does not name goes to the filter", async (t) => {
  const program = withFilter(buildEnosysPrologue([{ architecture: X86, number: 200 }]));
  t.equal(runFilter(program, { arch: X86_64, nr: 100000 }), reached);
});

t.test("x32 is told from x86_64 by the bit in the number", async (t) => {
  const both = withFilter(
    buildEnosysPrologue([
      { architecture: X86_64, number: 100 },
      { architecture: X32_TOKEN, number: X32_BIT | 500 },
    ]),
  );
  t.equal(runFilter(both, { arch: X86_64, nr: 100 }), reached);
  t.equal(runFilter(both, { arch: X86_64, nr: 101 }), ENOSYS);
  t.equal(runFilter(both, { arch: X86_64, nr: X32_BIT | 500 }), reached);
  t.equal(runFilter(both, { arch: X86_64, nr: X32_BIT | 501 }), ENOSYS);
});

t.test("x86_64 alone leaves x32 to the filter, which refuses it", async (t) => {
  const program = withFilter(buildEnosysPrologue([{ architecture: X86_64, number: 100 }]));
  t.equal(runFilter(program, { arch: X86_64, nr: X32_BIT | 501 }), reached);
  const other = withFilter(buildEnosysPrologue([{ architecture: X32_TOKEN, number: X32_BIT | 5 }]));
  t.equal(runFilter(other, { arch: X86_64, nr: 1000 }), reached);
  t.equal(runFilter(other, { arch: X86_64, nr: X32_BIT | 6 }), ENOSYS);
});

t.test("without any number there is nothing to check", async (t) => {
  t.equal(buildEnosysPrologue([]).length, 0);
});
