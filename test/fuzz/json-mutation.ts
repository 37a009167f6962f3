// Mutations of a JSON value that keep it one: most of what they make gets past the parser, and much past the schema.
import { isObject, parseJson, stringifyJson } from "../../src/spec/json.ts";
import type { Random } from "./random.ts";

type Holder = Record<string, unknown> | unknown[];
type Place = { readonly holder: Holder; readonly key: string | number };

const oddStrings = [
  "",
  ".",
  "..",
  "/",
  "//",
  "../..",
  "/..",
  "/proc/self/fd/7",
  "/proc/self/exe",
  "a\0b",
  "a\nb",
  "\ud800",
  "\u00e4\u00f6",
  "__proto__",
  "constructor",
  "x".repeat(5000),
  "%s%n",
  "0",
  "-1",
  "18446744073709551616",
  "a=b",
  "=",
  "size=1,mode=7",
  "mpol=bind:0,2",
  "CAP_SYS_ADMIN",
  "RLIMIT_NOFILE",
  "SCMP_ACT_ERRNO",
];
const oddNumbers = [
  "0",
  "1",
  "-1",
  "2",
  "255",
  "256",
  "4095",
  "65535",
  "65536",
  "2147483647",
  "2147483648",
  "4294967295",
  "4294967296",
  "9007199254740993",
  "9223372036854775807",
  "9223372036854775808",
  "18446744073709551615",
  "18446744073709551616",
  "-9223372036854775809",
  "1.5",
  "1e3",
  "-0",
  "1e400",
];
const oddValues = ["null", "true", "false", "[]", "{}", "[[]]", '[""]', "[null]", '{"":0}'];

/** Changes one thing, seldom up to four, of the value that the text is; a few times the text itself. */
export function mutateJson(text: string, other: string, random: Random): string {
  if (random.oneIn(20)) return mutateText(text, random);
  let value: unknown;
  try {
    value = parseJson(text);
  } catch {
    return mutateText(text, random);
  }
  const box = { value };
  for (let left = random.oneIn(4) ? 1 + random.below(4) : 1; left > 0; left -= 1)
    change(box, other, random);
  try {
    return stringifyJson(box.value);
  } catch {
    return text; // deeper than the stack
  }
}

function change(box: { value: unknown }, other: string, random: Random): void {
  const { holder, key } = random.pick(placesIn(box));
  const set = (value: unknown): void => void Object.assign(holder, { [key]: value });
  const value = (holder as Record<string | number, unknown>)[key];
  switch (random.below(8)) {
    case 0:
      return set(oddValue(random));
    case 1:
      return remove(holder, key);
    case 2:
      if (Array.isArray(value) && value.length > 0) value.push(structuredClone(random.pick(value)));
      else set([value, value]);
      return;
    case 3:
      return set(graft(value, key, other, random));
    case 4:
      if (Array.isArray(value)) value.reverse();
      else if (isObject(value)) value[random.pick(namesIn(other))] = oddValue(random);
      else set(oddValue(random));
      return;
    default:
      return set(near(value, random));
  }
}

function placesIn(box: { value: unknown }): Place[] {
  const places: Place[] = [{ holder: box, key: "value" }];
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null || places.length > 5000) return;
    for (const key of Object.keys(value)) {
      const place = { holder: value as Holder, key: Array.isArray(value) ? Number(key) : key };
      places.push(place);
      visit((value as Record<string, unknown>)[key]);
    }
  };
  visit(box.value);
  // Seldom all of it.
  return places.length > 1 ? places.slice(1) : places;
}

function remove(holder: Holder, key: string | number): void {
  if (Array.isArray(holder)) holder.splice(Number(key), 1);
  else delete holder[key];
}

/** A value of the same kind that differs. */
function near(value: unknown, random: Random): unknown {
  if (typeof value === "number" || typeof value === "bigint") {
    return random.oneIn(2)
      ? parseJson(random.pick(oddNumbers))
      : Number(value) + random.pick([1, -1]);
  }
  if (typeof value === "boolean") return !value;
  if (typeof value !== "string") return oddValue(random);
  const at = random.below(value.length + 1);
  const odd = random.pick(oddStrings);
  return random.pick([
    odd,
    value.slice(0, at) + odd + value.slice(at),
    value.slice(0, at),
    `${value}/..`,
  ]);
}

/** What the other text has at a place of the same name, or anywhere. */
function graft(value: unknown, key: string | number, other: string, random: Random): unknown {
  let root: unknown;
  try {
    root = parseJson(other);
  } catch {
    return value;
  }
  const places = placesIn({ value: root });
  const same = places.filter((place) => place.key === key);
  const { holder, key: there } = random.pick(same.length > 0 && !random.oneIn(4) ? same : places);
  return (holder as Record<string | number, unknown>)[there];
}

function namesIn(text: string): string[] {
  const names = [...text.matchAll(/"([A-Za-z]{1,30})":/g)].map(([, name]) => name!);
  return [...names, "__proto__", "type", "path"];
}

function oddValue(random: Random): unknown {
  if (random.oneIn(3)) return random.pick(oddStrings);
  return parseJson(random.pick(random.oneIn(2) ? oddNumbers : oddValues));
}

function mutateText(text: string, random: Random): string {
  const at = random.below(text.length + 1);
  const to = at + random.below(Math.min(64, text.length - at + 1));
  const odd = random.pick([
    '"',
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\\",
    "\\u12",
    "//",
    "1e",
    "-",
    "\0",
    "\ufeff",
    "[",
  ]);
  return random.pick([
    text.slice(0, at),
    text.slice(0, at) + odd + text.slice(to),
    text.slice(0, to) + text.slice(at),
    odd.repeat(random.below(2000)) + text,
  ]);
}
