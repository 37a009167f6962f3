import { TsrunError } from "../errors.ts";

/** The bit mask, in whole 64-bit words, of a list of CPUs or NUMA nodes such as "0-3,7". */
export function maskOfList(
  text: string,
  list: { readonly what: string; readonly pointer: string; readonly most: number },
): Uint8Array {
  const numbers = parseList(text, list);
  const highest = Math.max(-1, ...numbers);
  const mask = new Uint8Array(Math.ceil((highest + 1) / 64) * 8);
  for (const number of numbers) mask[number >> 3] = (mask[number >> 3] ?? 0) | (1 << (number & 7));
  return mask;
}

function parseList(
  text: string,
  { what, pointer, most }: { what: string; pointer: string; most: number },
): number[] {
  const numbers: number[] = [];
  for (const part of text.split(",").filter((item) => item.trim() !== "")) {
    const match = /^\s*(\d{1,4})(?:-(\d{1,4}))?\s*$/.exec(part);
    const first = Number(match?.[1]);
    const last = Number(match?.[2] ?? match?.[1]);
    if (match === null || last < first || last > most) {
      throw new TsrunError("CONFIG_INVALID", `invalid ${what} ${JSON.stringify(text)}`, {
        pointer,
        hint: 'write a list such as "0-3,7"',
      });
    }
    for (let number = first; number <= last; number++) numbers.push(number);
  }
  return numbers;
}
