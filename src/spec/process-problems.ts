import type { TsrunError } from "../errors.ts";
import type { Issue } from "./issue.ts";
import { refusal } from "./load.ts";
import { findProblems } from "./problems.ts";
import type { WrongProcess } from "./process-file.ts";

/** The error that tells of all that is wrong with a process of a file. */
export function refuseProcess({ wrong, file, text }: WrongProcess): TsrunError {
  const problems = findProblems({ process: wrong }, "create");
  return refusal(problems.filter(isAboutProcess).map(inFile), { file, text });
}

function isAboutProcess({ pointer }: Issue): boolean {
  return /^\/process(\/|$)/.test(pointer);
}

/** In the file the process is the whole. */
function inFile(issue: Issue): Issue {
  return { ...issue, pointer: issue.pointer.replace(/^\/process/, "") };
}
