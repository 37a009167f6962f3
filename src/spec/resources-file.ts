// linux.resources in a text of its own, as `update --resources` gets it.
import { basename } from "node:path";

import { TsrunError } from "../errors.ts";
import { describeIssue, type Issue, locateIssues } from "./issue.ts";
import { isObject } from "./json.ts";
import { normalize } from "./normalize.ts";
import { positionOf } from "./positions.ts";
import { findProblems } from "./problems.ts";
import { parseText } from "./read.ts";
import { resourceRules } from "./rules/resources.ts";
import { resources } from "./schema/resources.ts";
import type { Resources } from "./types.ts";

const base = "/linux/resources";

/** Parses and checks the text; refuses what `create` would refuse in config.json. */
export function parseResources(text: string, file: string): Resources {
  const value = respell(normalize(parseText(text, file), text), names);
  if (!resources.fits(value) || isRefused(value as Resources)) throw refusal(value, text, file);
  return value as Resources;
}

/** Adds the place in the text to an error about one of its fields. */
export function locateInResources(
  error: unknown,
  { text, file }: { text: string; file: string },
): unknown {
  if (!(error instanceof TsrunError) || !error.pointer?.startsWith(base) || error.position)
    return error;
  const place = positionOf(text, error.pointer.slice(base.length));
  if (place !== undefined) error.position = { file, ...place };
  return error;
}

function isRefused(value: Resources): boolean {
  let refused = false;
  for (const { create, check } of resourceRules) {
    if (create === "refuse") check({ linux: { resources: value } }, () => (refused = true));
  }
  return refused;
}

function refusal(value: unknown, text: string, file: string): TsrunError {
  const problems = findProblems({ linux: { resources: value } }, "create").filter(
    ({ pointer, severity }) => severity === "error" && pointer.startsWith(base),
  );
  const located = locateIssues(
    problems.map((issue) => ({ ...issue, ...positionOf(text, issue.pointer.slice(base.length)) })),
    text,
  );
  const [first] = located as [Issue, ...Issue[]];
  const more = located.length > 1 ? ` (and ${located.length - 1} more in ${basename(file)})` : "";
  const expected =
    first.expected && !first.message.includes(first.expected) ? `, expected ${first.expected}` : "";
  const got = first.got && !first.message.includes(first.got) ? `, got ${first.got}` : "";
  return new TsrunError("CONFIG_INVALID", `${describeIssue(first)}${expected}${got}${more}`, {
    pointer: first.pointer,
    position:
      first.line === undefined ? undefined : { file, line: first.line, column: first.column! },
    hint: first.hint,
  });
}

/** The names of an object's fields, each with those of the object in it. */
type Names = { readonly [name: string]: Names };

const device = { major: {}, minor: {}, rate: {}, weight: {}, leafWeight: {} };
const names: Names = {
  devices: { allow: {}, type: {}, major: {}, minor: {}, access: {} },
  memory: {
    limit: {},
    reservation: {},
    swap: {},
    kernel: {},
    kernelTCP: {},
    swappiness: {},
    disableOOMKiller: {},
    useHierarchy: {},
    checkBeforeUpdate: {},
  },
  cpu: {
    shares: {},
    quota: {},
    burst: {},
    period: {},
    realtimeRuntime: {},
    realtimePeriod: {},
    cpus: {},
    mems: {},
    idle: {},
  },
  pids: { limit: {} },
  blockIO: {
    weight: {},
    leafWeight: {},
    weightDevice: device,
    throttleReadBpsDevice: device,
    throttleWriteBpsDevice: device,
    throttleReadIOPSDevice: device,
    throttleWriteIOPSDevice: device,
  },
  hugepageLimits: { pageSize: {}, limit: {} },
  network: { classID: {}, priorities: { name: {}, priority: {} } },
  rdma: {},
  unified: {},
};

// runc reads names of fields in any case, and callers have come to write "CPU". A limit must not be lost for that.
function respell(value: unknown, known: Names): unknown {
  if (Array.isArray(value)) return value.map((element) => respell(element, known));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => {
      const name =
        Object.keys(known).find((candidate) => candidate.toLowerCase() === key.toLowerCase()) ??
        key;
      return [name, respell(member, known[name] ?? {})];
    }),
  );
}
