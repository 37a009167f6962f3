import type { Issue } from "../issue.ts";
import { annotationRules } from "./annotations.ts";
import { configRules } from "./config.ts";
import { linuxRules } from "./linux.ts";
import { mountRules } from "./mounts.ts";
import { namespaceRules } from "./namespaces.ts";
import { processRules } from "./process.ts";
import { resourceRules } from "./resources.ts";
import { seccompRules } from "./seccomp.ts";
import { concerns, type Rule, type SpecDraft } from "./rule.ts";

/** All rules, in the order of the specification. */
export const rules: readonly Rule[] = [
  ...configRules,
  ...mountRules,
  ...processRules,
  ...namespaceRules,
  ...linuxRules,
  ...resourceRules,
  ...seccompRules,
  ...annotationRules,
];

/** What rules find in a spec: all of them, or only those that `create` heeds. */
export function applyRules(spec: SpecDraft, which: "all" | "create"): Issue[] {
  const issues: Issue[] = [];
  for (const rule of rules) {
    if ((which === "create" && rule.create === "accept") || !concerns(rule, spec)) continue;
    const { id, severity, section } = rule;
    const tolerated = severity === "error" && rule.create !== "refuse" ? true : undefined;
    rule.check(spec, (pointer, message, details) => {
      issues.push({ severity, rule: id, pointer, message, ...details, section, tolerated });
    });
  }
  return issues;
}
