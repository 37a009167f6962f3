// A line of a schemata file: "L3:0=7f0;1=1f", a value for each cache. L3 values are masks in hexadecimal, those of MB
// are numbers that the hardware knows in steps.

/** Whether the schemata file `present` has what the line `wanted` asks for; other caches are not looked at. */
export function agrees(wanted: string, present: string, step: number): boolean {
  const { resource, values } = parseLine(wanted);
  const there = present
    .split("\n")
    .map(parseLine)
    .find((line) => line.resource === resource);
  return (
    there !== undefined &&
    [...values].every(([cache, value]) => {
      const now = there.values.get(cache);
      return now !== undefined && sameValue(value, now, { resource, step });
    })
  );
}

function sameValue(
  wanted: string,
  now: string,
  { resource, step }: { readonly resource: string; readonly step: number },
): boolean {
  if (resource !== "MB") return parseInt(wanted, 16) === parseInt(now, 16);
  const number = Number(wanted);
  return number === Number(now) || Math.ceil(number / step) * step === Number(now);
}

function parseLine(line: string): { resource: string; values: ReadonlyMap<string, string> } {
  const [resource = "", rest = ""] = line.trim().split(":", 2);
  const values = rest.split(";").map((pair): [string, string] => {
    const [cache = "", value = ""] = pair.split("=", 2);
    return [cache.trim(), value.trim()];
  });
  return { resource, values: new Map(values) };
}
