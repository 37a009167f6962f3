import { TsrunError } from "../errors.ts";
import { type Issue, locateIssues } from "./issue.ts";
import { normalize } from "./normalize.ts";
import { duplicateKeys, placeAt } from "./positions.ts";
import { findProblems } from "./problems.ts";
import { parseText } from "./read.ts";
import { findUnknownKeys } from "./unknown-keys.ts";

/** Everything that can be said about the text of a configuration; broken JSON is the one issue of a text that has it. */
export function checkConfig(text: string, file: string): Issue[] {
  let value: unknown;
  try {
    value = parseText(text, file);
  } catch (error) {
    if (error instanceof TsrunError) return [syntaxIssue(error)];
    throw error;
  }
  // Nulls are found before they are dropped, as runc drops them.
  const issues = [...findNulls(value, ""), ...findDuplicates(text), ...findUnknownKeys(value)];
  return locateIssues([...issues, ...findProblems(normalize(value, text), "all")], text);
}

/** A file that is no JSON text, as a finding. */
export function syntaxIssue({ message, position, hint }: TsrunError): Issue {
  return {
    severity: "error",
    rule: "json-syntax",
    pointer: "",
    message,
    hint,
    line: position?.line,
    column: position?.column,
  };
}

function findNulls(value: unknown, pointer: string): Issue[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, member]): Issue[] => {
    const below = `${pointer}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    if (member !== null) return findNulls(member, below);
    // An element of a list that is null is of a wrong type for the schema.
    if (Array.isArray(value)) return [];
    return [
      {
        severity: "warning",
        rule: "null-value",
        pointer: below,
        message: "is null, which is taken as not being there",
        hint: "leave the field out",
      },
    ];
  });
}

function findDuplicates(text: string): Issue[] {
  return duplicateKeys(text).map(({ pointer, offset, first }) => ({
    severity: "warning",
    rule: "duplicate-key",
    pointer,
    message: `is given a second time; the first one, on line ${placeAt(text, first).line}, is ignored`,
    ...placeAt(text, offset),
  }));
}
