import { type Issue, locateIssues } from "./issue.ts";
import { normalize } from "./normalize.ts";
import { type ConfigText, parseText, readConfig } from "./read.ts";
import { applyRules } from "./rules/index.ts";
import type { SpecDraft } from "./rules/rule.ts";
import { spec as specSchema } from "./schema/spec.ts";
import type { ValidSpec } from "./types.ts";
import { refuseWrong } from "./wrong.ts";

export type LoadedSpec = {
  spec: ValidSpec;
  /** Absolute path of the file. */
  file: string;
  text: string;
  /** What runc warns of, too, when it creates such a container. */
  warnings: Issue[];
};

/**
 * The configuration of a bundle, ready to be planned. Refuses what runc refuses and what cannot work; what the
 * specification forbids but runc runs is let through (`validate` tells of it). explainRefusal (refusal.ts) says what is wrong
 * with one that is refused: what that takes is not loaded for all the others.
 */
export function loadSpec(bundle: string, file?: string): LoadedSpec {
  return loadText(readConfig(bundle, file));
}

/** The same of a text, whose file is a name for messages. */
export function loadText(config: ConfigText): LoadedSpec {
  const value = normalize(parseText(config.text, config.file), config.text);
  if (!specSchema.fits(value)) throw refuseWrong({ wrong: value, part: "config", ...config });
  const issues = applyRules(value as SpecDraft, "create");
  if (issues.some(({ severity }) => severity === "error")) {
    throw refuseWrong({ wrong: value, part: "config", ...config });
  }
  return { spec: value as ValidSpec, ...config, warnings: locateIssues(issues, config.text) };
}
