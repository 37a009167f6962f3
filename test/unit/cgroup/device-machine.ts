/** Runs a device program as the kernel would: the eBPF subset of src/cgroup/bpf.ts, instruction by instruction. */
export function runDeviceProgram(
  program: Uint8Array,
  context: readonly [access: number, major: number, minor: number],
): number {
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const registers = new Uint32Array(11);
  for (let at = 0, steps = 0; ; at++, steps++) {
    if (steps > program.length) throw new Error("the program does not end");
    const [opcode, both] = [view.getUint8(at * 8), view.getUint8(at * 8 + 1)];
    const [offset, immediate] = [view.getInt16(at * 8 + 2, true), view.getInt32(at * 8 + 4, true)];
    const [to, from] = [both & 15, both >> 4];
    const value = registers[to]!;
    switch (opcode) {
      case 0x61:
        if (from !== 1) throw new Error("loads are from the context alone");
        registers[to] = context[offset / 4]!;
        break;
      case 0xbc:
        registers[to] = registers[from]!;
        break;
      case 0xb4:
        registers[to] = immediate;
        break;
      case 0x54:
        registers[to] = value & immediate;
        break;
      case 0x74:
        registers[to] = value >>> immediate;
        break;
      case 0x05:
        at += offset;
        break;
      case 0x16:
        if (value === immediate >>> 0) at += offset;
        break;
      case 0x56:
        if (value !== immediate >>> 0) at += offset;
        break;
      case 0x46:
        if ((value & immediate) !== 0) at += offset;
        break;
      case 0x95:
        return registers[0]!;
      default:
        throw new Error(`unknown opcode ${opcode} at ${at}`);
    }
  }
}

/** Instructions that no path reaches: the kernel's verifier refuses a program that has any. */
export function unreachable(program: Uint8Array): number[] {
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const count = program.length / 8;
  const seen = new Set<number>();
  const open = [0];
  while (open.length > 0) {
    const at = open.pop()!;
    if (at < 0 || at >= count) throw new Error(`a jump leaves the program: ${at}`);
    if (seen.has(at)) continue;
    seen.add(at);
    const opcode = view.getUint8(at * 8);
    if (opcode === 0x95) continue;
    const target = at + 1 + view.getInt16(at * 8 + 2, true);
    if ((opcode & 7) === 5 || (opcode & 7) === 6) open.push(target);
    if (opcode !== 0x05) open.push(at + 1);
  }
  return Array.from({ length: count }, (_, index) => index).filter((index) => !seen.has(index));
}
