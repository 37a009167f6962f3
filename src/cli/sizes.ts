// Numbers as the flags of `update` take them, in Go's spelling of what is wrong.
import { TsrunError } from "../errors.ts";
import type { Int } from "../spec/types.ts";

/** A whole number of 64 bits; undefined when the flag was not given. */
export function readInteger(
  flag: string,
  text: string | undefined,
  kind: "signed" | "unsigned",
): Int | undefined {
  if (!text) return undefined;
  const call = kind === "signed" ? "strconv.ParseInt" : "strconv.ParseUint";
  const failed = (reason: string): TsrunError =>
    new TsrunError(
      "USAGE",
      `invalid value for ${flag}: ${call}: parsing ${JSON.stringify(text)}: ${reason}`,
      {
        hint: "it is a whole number without unit",
      },
    );
  if (!(kind === "signed" ? /^[+-]?\d+$/ : /^\d+$/).test(text)) throw failed("invalid syntax");
  const value = BigInt(text.replace("+", ""));
  const fits = kind === "signed" ? BigInt.asIntN(64, value) === value : value < 2n ** 64n;
  if (!fits) throw failed("value out of range");
  return narrow(value);
}

const units: Readonly<Record<string, bigint>> = {
  "": 1n,
  b: 1n,
  k: 2n ** 10n,
  m: 2n ** 20n,
  g: 2n ** 30n,
  t: 2n ** 40n,
  p: 2n ** 50n,
};

/** Bytes: a number with or without a 1024-based unit such as 64m, 1.5g, 512KiB, or -1; undefined when not given. */
export function readSize(flag: string, text: string | undefined): Int | undefined {
  if (!text) return undefined;
  if (text === "-1") return -1;
  const failed = (reason: string): TsrunError =>
    new TsrunError("USAGE", `invalid value for ${flag}: ${reason}`, {
      hint: "sizes are bytes, or have a unit: 64m, 1.5g; -1 is no limit",
    });
  const [, number, suffix = ""] = /^(\d+(?:\.\d*)?|\.\d+) ?([a-z]*)$/i.exec(text) ?? [];
  if (number === undefined) throw failed(`invalid size: '${text}'`);
  const unit = /^([kmgtp])(?:i?b)?$|^(b?)$/.exec(suffix.toLowerCase());
  if (unit === null) throw failed(`invalid suffix: '${suffix}'`);
  const factor = units[unit[1] ?? unit[2]!]!;
  const [whole, fraction = ""] = number.split(".");
  const bytes =
    BigInt(whole || "0") * factor +
    (BigInt(fraction || "0") * factor) / 10n ** BigInt(fraction.length);
  if (BigInt.asIntN(64, bytes) !== bytes) throw failed(`invalid size: '${text}'`);
  return narrow(bytes);
}

function narrow(value: bigint): Int {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
