import { TsrunError } from "../../errors.ts";
import type { UnitProperty } from "./properties.ts";
import { parseVariant, type Variant } from "./variant.ts";

const prefix = "org.systemd.property.";

/** Unit properties that annotations ask for: org.systemd.property.NAME with a GVariant as text. */
export function annotatedProperties(
  annotations: Readonly<Record<string, string>> | undefined,
): UnitProperty[] {
  return Object.entries(annotations ?? {})
    .filter(([key]) => key.startsWith(prefix))
    .map(([key, text]) => readProperty(key, text));
}

function readProperty(key: string, text: string): UnitProperty {
  const pointer = `/annotations/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
  const name = key.slice(prefix.length);
  if (!/^[A-Za-z]{3,}$/.test(name)) {
    throw new TsrunError("CONFIG_INVALID", `annotation ${key} names no unit property`, {
      pointer,
      hint: "a property is written in at least three letters, such as TimeoutStopSec",
    });
  }
  try {
    const [signature, value] = parseVariant(text);
    return /[a-z]Sec$/.test(name)
      ? [`${name.slice(0, -"Sec".length)}USec`, "t", microseconds([signature, value], text)]
      : [name, signature, value];
  } catch (error) {
    const reason = error instanceof TsrunError ? error : undefined;
    throw new TsrunError("CONFIG_INVALID", `annotation ${key}: ${(error as Error).message}`, {
      pointer,
      hint: reason?.hint,
      cause: error,
    });
  }
}

/** Unit files know FooSec in seconds, D-Bus only FooUSec. */
function microseconds([signature, value]: Variant, text: string): bigint {
  if (typeof value === "bigint" && value >= 0n) return value * 1_000_000n;
  if (typeof value === "number" && value >= 0) return BigInt(Math.round(value * 1_000_000));
  throw new TsrunError(
    "CONFIG_INVALID",
    `${JSON.stringify(text)} (of type ${signature}) is no number of seconds`,
  );
}
