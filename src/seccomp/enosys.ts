import { seccompArchitectures } from "../spec/tables.ts";

// A profile knows the system calls of its time. One that came later must look absent (ENOSYS), so that programs fall
// back to an older one; the default action of most profiles (EPERM) would make them give up. So a filter starts with a
// prologue that answers ENOSYS to every number above the largest that the profile names, per architecture.

/** The largest system call number that a profile names on an architecture (SCMP_ARCH_* token). */
export type LastSyscall = { readonly architecture: number; readonly number: number };

// struct sock_filter: u16 code, u8 jump if true, u8 jump if false, u32 k (linux/bpf_common.h).
const LOAD_WORD = 0x20;
const JUMP = 0x05;
const JUMP_EQUAL = 0x15;
const JUMP_GREATER = 0x25;
const JUMP_ANY_BIT = 0x45;
const RETURN = 0x06;

// struct seccomp_data: int nr, u32 arch.
const NUMBER = 0;
const ARCHITECTURE = 4;

const RETURN_ENOSYS = 0x00050000 | 38;
const X32_BIT = 0x40000000;

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, k: number];

/** The prologue, ready to be put before a filter; empty when there is nothing to check. */
export function buildEnosysPrologue(last: readonly LastSyscall[]): Uint8Array {
  const { SCMP_ARCH_X32: x32, SCMP_ARCH_X86_64: x86_64 } = seccompArchitectures;
  const numberOn = (token: number): number | undefined =>
    last.find(({ architecture }) => architecture === token)?.number;
  const blocks: [architecture: number, block: Instruction[]][] = last
    .filter(({ architecture }) => architecture !== x32 && architecture !== x86_64)
    .map(({ architecture, number }) => [architecture, refuseAbove(number)]);
  const [plain, marked] = [numberOn(x86_64), numberOn(x32)];
  // To the kernel x32 is x86_64 with a bit set in the number.
  if (plain !== undefined || marked !== undefined)
    blocks.push([x86_64, splitByX32(refuseAbove(plain), refuseAbove(marked))]);
  if (blocks.length === 0) return new Uint8Array(0);
  const sections = blocks.flatMap(([architecture, block]): Instruction[] => {
    const body: Instruction[] = [[LOAD_WORD, 0, 0, NUMBER], ...block];
    return [[JUMP_EQUAL, 0, body.length, architecture], ...body];
  });
  return encode(resolveExits([[LOAD_WORD, 0, 0, ARCHITECTURE], ...sections]));
}

/** Stands for the jump to the filter, until its distance is known. */
const toFilter: Instruction = [JUMP, 0, 0, -1];

function refuseAbove(number: number | undefined): Instruction[] {
  if (number === undefined) return [toFilter];
  return [[JUMP_GREATER, 0, 1, number], [RETURN, 0, 0, RETURN_ENOSYS], toFilter];
}

function splitByX32(plain: Instruction[], marked: Instruction[]): Instruction[] {
  return [[JUMP_ANY_BIT, plain.length, 0, X32_BIT], ...plain, ...marked];
}

function resolveExits(program: readonly Instruction[]): Instruction[] {
  return program.map((instruction, index) =>
    instruction === toFilter ? [JUMP, 0, 0, program.length - index - 1] : instruction,
  );
}

function encode(program: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(program.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [index, [code, ifTrue, ifFalse, k]] of program.entries()) {
    view.setUint16(index * 8, code, true);
    view.setUint8(index * 8 + 2, ifTrue);
    view.setUint8(index * 8 + 3, ifFalse);
    view.setUint32(index * 8 + 4, k, true);
  }
  return bytes;
}
