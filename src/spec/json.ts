// JSON.parse with what config.json needs beyond it: whole numbers of 64 bits.

/**
 * A number that is not written as a whole number, such as 1.5 or 1e3. No field takes one; the schema
 * reports it with the digits that were written.
 */
export class InexactNumber {
  readonly source: string;
  constructor(source: string) {
    this.source = source;
  }
  toJSON(): number {
    return Number(this.source);
  }
}

// Numbers that JSON.parse would change: of 16 digits or more, or with a fraction or an exponent. Text in quotes may
// match too, which costs time only. Digits are looked for first, because there are few.
const special = /\d(?<=[:,[\s]-?\d)(?:\d*[.eE]|\d{15})/;

/** Parses JSON; numbers beyond 2^53 become bigints. Throws what JSON.parse throws. */
export function parseJson(text: string): unknown {
  return special.test(text) ? JSON.parse(text, keepNumber) : JSON.parse(text);
}

/** Node has it, the types of ES2024 do not. */
const rawJson = JSON as typeof JSON & { rawJSON(text: string): unknown };

/** The opposite of parseJson: bigints are written as numbers, with all their digits. */
export function stringifyJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    typeof member === "bigint" ? rawJson.rawJSON(String(member)) : member,
  );
}

/** Whether arrays and objects are nested deeper than `limit`. */
export function isDeeper(text: string, limit: number): boolean {
  // So few brackets cannot be too deep, and counting them costs nothing.
  if (text.split("{").length + text.split("[").length - 2 <= limit) return false;
  let depth = 0;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{}]/gs)) {
    if (token === "{" || token === "[") {
      if (++depth > limit) return true;
    } else if (token === "}" || token === "]") depth--;
  }
  return false;
}

/** An object as JSON has it: neither an array nor null. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function keepNumber(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== "number") return value;
  const source = context?.source ?? String(value);
  if (!/^-?\d+$/.test(source)) return new InexactNumber(source);
  return Number.isSafeInteger(value) ? value : BigInt(source);
}
