import { TsrunError } from "../errors.ts";

// The few eBPF instructions that the device program is made of (linux/bpf.h): u8 opcode, u8 source << 4 | destination,
// s16 offset, s32 immediate. All arithmetic and all comparisons are the 32-bit ones.
const LOAD_WORD = 0x61;
const MOVE = 0xbc;
const MOVE_IMMEDIATE = 0xb4;
const AND = 0x54;
const SHIFT_RIGHT = 0x74;
const JUMP = 0x05;
const JUMP_EQUAL = 0x16;
const JUMP_NOT_EQUAL = 0x56;
const JUMP_ANY_BIT = 0x46;
const EXIT = 0x95;

const CONTEXT = 1;
const LONGEST_JUMP = 0x7fff;

type Instruction = {
  opcode: number;
  registers: number;
  offset: number;
  immediate: number;
  target?: string;
};

/** A program under construction: `emit` adds an instruction, jumps name a label that is placed later. */
export type Assembly = {
  readonly instructions: Instruction[];
  readonly labels: Map<string, number>;
};

export function startAssembly(): Assembly {
  return { instructions: [], labels: new Map() };
}

/** register = *(u32 *)(context + offset) */
export function loadContext({ instructions }: Assembly, register: number, offset: number): void {
  instructions.push({
    opcode: LOAD_WORD,
    registers: (CONTEXT << 4) | register,
    offset,
    immediate: 0,
  });
}

export function moveRegister({ instructions }: Assembly, to: number, from: number): void {
  instructions.push({ opcode: MOVE, registers: (from << 4) | to, offset: 0, immediate: 0 });
}

export function andImmediate(
  { instructions }: Assembly,
  register: number,
  immediate: number,
): void {
  instructions.push({ opcode: AND, registers: register, offset: 0, immediate });
}

export function shiftRight({ instructions }: Assembly, register: number, immediate: number): void {
  instructions.push({ opcode: SHIFT_RIGHT, registers: register, offset: 0, immediate });
}

export function jump({ instructions }: Assembly, target: string): void {
  instructions.push({ opcode: JUMP, registers: 0, offset: 0, immediate: 0, target });
}

const conditions = { "==": JUMP_EQUAL, "!=": JUMP_NOT_EQUAL, "&": JUMP_ANY_BIT } as const;

/** if (register CONDITION immediate) goto target */
export function jumpIf(
  { instructions }: Assembly,
  [register, condition, immediate]: readonly [number, keyof typeof conditions, number],
  target: string,
): void {
  instructions.push({
    opcode: conditions[condition],
    registers: register,
    offset: 0,
    immediate,
    target,
  });
}

export function placeLabel({ instructions, labels }: Assembly, label: string): void {
  labels.set(label, instructions.length);
}

/** return value; nothing at all when no jump leads to `label`, as the verifier refuses what cannot be reached. */
export function returnAt(assembly: Assembly, label: string, value: number): void {
  const { instructions } = assembly;
  if (!instructions.some(({ target }) => target === label)) return;
  placeLabel(assembly, label);
  instructions.push({ opcode: MOVE_IMMEDIATE, registers: 0, offset: 0, immediate: value });
  instructions.push({ opcode: EXIT, registers: 0, offset: 0, immediate: 0 });
}

/** struct bpf_insn[], little-endian, jumps resolved. */
export function assemble({ instructions, labels }: Assembly): Uint8Array {
  const bytes = new Uint8Array(instructions.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [index, { opcode, registers, offset, immediate, target }] of instructions.entries()) {
    const distance = target === undefined ? offset : labels.get(target)! - index - 1;
    if (distance > LONGEST_JUMP) {
      throw new TsrunError(
        "CONFIG_UNSUPPORTED",
        `too many device rules for one eBPF program (${instructions.length} instructions)`,
        {
          pointer: "/linux/resources/devices",
          hint: "join rules with wildcards: leave major or minor out",
        },
      );
    }
    view.setUint8(index * 8, opcode);
    view.setUint8(index * 8 + 1, registers);
    view.setInt16(index * 8 + 2, distance, true);
    view.setInt32(index * 8 + 4, immediate, true);
  }
  return bytes;
}
