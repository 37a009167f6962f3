// The schemas applied to a value: what zod finds, in our words.
import type * as z from "zod/mini";

import { InexactNumber } from "../json.ts";
import type { Issue } from "../issue.ts";
import { nearest } from "../nearest.ts";
import { toPointer } from "../positions.ts";
import type { Expectation } from "./blocks.ts";
import { spec } from "./spec.ts";
import { schemaOf } from "./zod.ts";

type ZodIssue = z.core.$ZodIssue;

/** Everything in the value that is missing or not of the type it has to be. */
export function checkSchema(value: unknown): Issue[] {
  const result = schemaOf(spec).safeParse(value);
  return result.success ? [] : result.error.issues.map((issue) => toIssue(issue, value));
}

function toIssue(issue: ZodIssue, root: unknown): Issue {
  const value = valueAt(root, issue.path);
  const expectation = expectationOf(issue);
  const { expected } = expectation;
  const base = {
    severity: "error" as const,
    pointer: toPointer(issue.path),
    expected,
    section: sectionOf(issue.path),
  };
  if (value === undefined) return { ...base, rule: "required", message: "is required but missing" };
  const got = describeValue(value);
  if (typeof value === "string" && value.includes("\0")) {
    const message = "contains a NUL byte, where the kernel would cut it off";
    return { ...base, rule: "nul-byte", message, expected: "a string without NUL bytes", got };
  }
  if (expectation.rule === "unknown-value" && typeof value === "string") {
    const near = nearest(value, expectation.allowed ?? []);
    return {
      ...base,
      rule: "unknown-value",
      message: `unknown value ${JSON.stringify(value)}`,
      got,
      hint: near === undefined ? undefined : `did you mean ${JSON.stringify(near)}?`,
    };
  }
  const isNumber = typeof value === "number" || typeof value === "bigint";
  const rule = expectation.rule === "range" && isNumber ? "range" : "type";
  return { ...base, rule, message: `must be ${expected}`, got, hint: typeHint(value, expectation) };
}

function expectationOf(issue: ZodIssue): Expectation {
  if (issue.code === "custom" && issue.params !== undefined) return issue.params as Expectation;
  if (issue.code === "invalid_type") {
    const expected = issue.expected === "array" ? "an array" : "an object";
    return { expected, rule: "type" };
  }
  return { expected: "a valid value", rule: "type" };
}

function typeHint(value: unknown, { rule }: Expectation): string | undefined {
  if (value === null) return "leave the field out where it has no value";
  if (rule !== "range") return undefined;
  if (typeof value === "string" && /^-?\d+$/.test(value)) return "write the number without quotes";
  if (value instanceof InexactNumber && Number.isSafeInteger(Number(value.source))) {
    return `write ${Number(value.source)}`;
  }
  return undefined;
}

/** A value in few words. */
export function describeValue(value: unknown): string {
  if (value instanceof InexactNumber) return value.source;
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object" && value !== null) return "an object";
  if (typeof value === "string") {
    return JSON.stringify(value.length > 80 ? `${value.slice(0, 77)}...` : value);
  }
  return String(value);
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value = root;
  for (const part of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, part))
      return undefined;
    value = (value as Record<PropertyKey, unknown>)[part];
  }
  return value;
}

// Headings of config-linux.md that are not called as their field is.
const headings: Readonly<Record<string, string>> = {
  uidMappings: "user-namespace-mappings",
  gidMappings: "user-namespace-mappings",
  timeOffsets: "offset-for-time-namespace",
  netDevices: "network-devices",
  resources: "control-groups",
  cgroupsPath: "cgroups-path",
  rootfsPropagation: "rootfs-mount-propagation",
  maskedPaths: "masked-paths",
  readonlyPaths: "readonly-paths",
  mountLabel: "mount-label",
  memoryPolicy: "memory-policy",
  ociVersion: "specification-version",
  domainname: "hostname",
  hooks: "posix-platform-hooks",
};

function sectionOf([first, second]: readonly PropertyKey[]): string {
  const [file, field] = first === "linux" ? ["config-linux.md", second] : ["config.md", first];
  if (typeof field !== "string") return file;
  return `${file}#${headings[field] ?? field.toLowerCase()}`;
}
