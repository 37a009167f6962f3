import { basename } from "node:path";

import { TsrunError } from "../errors.ts";

/** A text that was read and is refused: a whole config.json, or a process section in a file of its own. */
export type Wrong = {
  readonly wrong: unknown;
  readonly part: "config" | "process";
  readonly file: string;
  readonly text: string;
};

/** The error of a wrong text before anyone has looked at what is wrong with it (explainRefusal in refusal.ts). */
export function refuseWrong(cause: Wrong): TsrunError {
  return new TsrunError("CONFIG_INVALID", `${basename(cause.file)} is not valid`, { cause });
}

/** What an error of refuseWrong is about. */
export function wrongOf(error: unknown): Wrong | undefined {
  const cause = error instanceof TsrunError ? error.cause : undefined;
  return typeof cause === "object" && cause !== null && "wrong" in cause
    ? (cause as Wrong)
    : undefined;
}
