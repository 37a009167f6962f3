// The loader of config.json and what is planned of what it lets through.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { TsrunError } from "../../src/errors.ts";
import { planCreate } from "../../src/plan/create.ts";
import { encodePlan } from "../../src/plan/encode.ts";
import { checkConfig } from "../../src/spec/check.ts";
import { loadText } from "../../src/spec/load.ts";
import { normalize } from "../../src/spec/normalize.ts";
import { findProblems } from "../../src/spec/problems.ts";
import { parseText } from "../../src/spec/read.ts";
import { refusal } from "../../src/spec/refusal.ts";
import { applyRules } from "../../src/spec/rules/index.ts";
import type { SpecDraft } from "../../src/spec/rules/rule.ts";
import { checkSchema } from "../../src/spec/schema/check.ts";
import { spec as specSchema } from "../../src/spec/schema/spec.ts";
import type { Spec, ValidSpec } from "../../src/spec/types.ts";
import { maps, options, rootFacts, userFacts } from "../unit/plan/specs.ts";
import { everyField } from "./every-field.ts";
import { mutateJson } from "./json-mutation.ts";
import type { Target } from "./loop.ts";

const fixtures = join(import.meta.dirname, "../fixtures/config");
const buildId = Buffer.alloc(16);
const file = "config.json";

/** What has to hold for any text. */
export const configTarget: Target = {
  seeds: [
    ...readdirSync(fixtures).map((name) => withFewSyscalls(join(fixtures, name))),
    JSON.stringify(everyField),
    JSON.stringify({
      ...everyField,
      linux: { ...everyField.linux, uidMappings: maps, gidMappings: maps },
    }),
  ],
  mutate: mutateJson,
  check,
};

/** What an engine wrote; hundreds of names in it teach nothing and take most of the time. */
function withFewSyscalls(file: string): string {
  const spec = JSON.parse(readFileSync(file, "utf8")) as Spec;
  for (const rule of spec.linux?.seccomp?.syscalls ?? []) rule.names.splice(3);
  return JSON.stringify(spec);
}

function check(text: string): boolean {
  // The report on a text takes ten times as long as the rest.
  if (text.length % 4 === 0) checkReport(text);
  const value = parsed(text);
  if (value === undefined) return false;
  const fits = specSchema.fits(value);
  hold(
    fits === (checkSchema(value).length === 0),
    "the fast schema and the one that explains agree",
  );
  const wrong =
    !fits || applyRules(value as SpecDraft, "create").some(({ severity }) => severity === "error");
  if (wrong) {
    const { code } = refusal(findProblems(value, "create"), { file, text });
    hold(code === "CONFIG_INVALID", "what is refused is refused for a reason");
    return false;
  }
  for (const facts of [rootFacts, userFacts]) checkPlan(value as ValidSpec, facts);
  return true;
}

function checkReport(text: string): void {
  const issues = checkConfig(text, file);
  for (const { line, column, message } of issues) {
    hold(message !== "", "a finding says something");
    hold((line === undefined) === (column === undefined), "a place has line and column");
  }
  const wrong = issues.some(({ severity, tolerated }) => severity === "error" && !tolerated);
  hold(wrong === isRefused(text), "create refuses what the report calls an error, and no more");
  hold(Object.keys(Object.prototype).length === 0, "no prototype is changed");
}

function isRefused(text: string): boolean {
  try {
    loadText({ file, text });
    return false;
  } catch (error) {
    onPurpose(error);
    return true;
  }
}

function parsed(text: string): unknown {
  try {
    return normalize(parseText(text, file), text);
  } catch (error) {
    return onPurpose(error);
  }
}

function checkPlan(spec: ValidSpec, facts: typeof rootFacts): void {
  const before = JSON.stringify(spec, bigintsAsText);
  const plan = (): Uint8Array | undefined => {
    try {
      return encodePlan(planCreate(spec, facts, options), buildId);
    } catch (error) {
      return onPurpose(error);
    }
  };
  const [one, other] = [plan(), plan()];
  hold((one === undefined) === (other === undefined), "planning is repeatable");
  if (one !== undefined)
    hold(Buffer.compare(one, other!) === 0, "the same inputs give the same plan");
  hold(
    JSON.stringify(spec, bigintsAsText) === before,
    "planning leaves the configuration as it is",
  );
}

function bigintsAsText(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}

/** Errors of tsrun's own are answers, but for those that say that tsrun is wrong. */
function onPurpose(error: unknown): undefined {
  if (!(error instanceof TsrunError) || error.code === "INTERNAL") throw error;
}

/** A property that must hold for every input. */
export function hold(condition: boolean, property: string): void {
  if (!condition) throw new Error(`does not hold: ${property}`);
}
