// Everything that is wrong with a value, by the schema and by the rules together.
import type { Issue } from "./issue.ts";
import { property } from "./normalize.ts";
import { parsePointer } from "./positions.ts";
import { applyRules } from "./rules/index.ts";
import type { SpecDraft } from "./rules/rule.ts";
import { isObject } from "./json.ts";
import { checkSchema } from "./schema/check.ts";

/** What the schema finds, and what rules find in the rest: all rules, or those that `create` heeds. */
export function findProblems(value: unknown, which: "all" | "create"): Issue[] {
  const wrong = checkSchema(value);
  const told = new Set(wrong.map(({ pointer }) => pointer));
  const broken = applyRules(prune(value, wrong), which);
  return [...wrong, ...broken.filter(({ pointer }) => !told.has(pointer))];
}

// A copy of the value without the parts that issues are about, for rules to see the rest.
function prune(value: unknown, issues: readonly Issue[]): SpecDraft {
  const copy: unknown = copyOf(value);
  for (const { pointer } of issues) {
    const path = parsePointer(pointer);
    const last = path.pop();
    if (last === undefined) return {};
    let parent: unknown = copy;
    for (const part of path) parent = property(parent, part);
    if (Array.isArray(parent)) parent[Number(last)] = undefined;
    else if (isObject(parent)) delete parent[last];
  }
  return isObject(copy) ? copy : {};
}

function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyOf);
  if (!isObject(value) || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, copyOf(member)]));
}
