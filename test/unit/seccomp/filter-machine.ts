/** What a system call looks like to a seccomp filter. */
export type Call = {
  readonly arch: number;
  readonly nr: number;
  readonly args?: readonly bigint[];
};

/** Runs a filter (struct sock_filter[]) as the kernel would; returns the action with its data. */
export function runFilter(filter: Uint8Array, call: Call): number {
  const code = new DataView(filter.buffer, filter.byteOffset, filter.byteLength);
  const data = callData(call);
  const count = filter.length / 8;
  const scratch = new Uint32Array(16);
  let [accumulator, index] = [0, 0];
  for (let at = 0; at < count; at++) {
    const operand = code.getUint32(at * 8 + 4, true);
    const jump = (holds: boolean): number => code.getUint8(at * 8 + (holds ? 2 : 3));
    switch (code.getUint16(at * 8, true)) {
      case 0x20:
        accumulator = data.getUint32(operand, true);
        break;
      case 0x60:
        accumulator = scratch[operand]!;
        break;
      case 0x02:
        scratch[operand] = accumulator;
        break;
      case 0x07:
        index = accumulator;
        break;
      case 0x87:
        accumulator = index;
        break;
      case 0x54:
        accumulator = (accumulator & operand) >>> 0;
        break;
      case 0x05:
        at += operand;
        break;
      case 0x15:
        at += jump(accumulator === operand);
        break;
      case 0x25:
        at += jump(accumulator > operand);
        break;
      case 0x35:
        at += jump(accumulator >= operand);
        break;
      case 0x45:
        at += jump((accumulator & operand) !== 0);
        break;
      case 0x06:
        return operand;
      default:
        throw new Error(
          `unknown instruction 0x${code.getUint16(at * 8, true).toString(16)} at ${at}`,
        );
    }
  }
  throw new Error("the filter ends without an answer");
}

/** struct seccomp_data: int nr, u32 arch, u64 instruction pointer, u64 args[6]. */
function callData({ arch, nr, args }: Call): DataView {
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, nr, true);
  data.setUint32(4, arch, true);
  for (const [position, value] of (args ?? []).entries())
    data.setBigUint64(16 + position * 8, value, true);
  return data;
}
