import { TsrunError } from "../errors.ts";
import { describeExit } from "../exit.ts";
import type { Exit } from "../native.ts";
import { hintFor, lastErrors, readLog } from "./log.ts";
import { type CriuResponse, requestType } from "./messages.ts";

/** How a run of CRIU came out. */
export type Outcome = { readonly response: CriuResponse | null; readonly exit: Exit };

/** Where CRIU wrote its log. */
export type LogPlace = {
  readonly directory: number;
  /** Of the directory, for the message. */
  readonly path: string;
  readonly file: string;
};

/** The error for a run that did not come to its end; undefined for one that did. */
export function failureOf({ response, exit }: Outcome, place: LogPlace): TsrunError | undefined {
  // After a pre-dump CRIU waits for the next one, and ends with a failure when there is none.
  const goesOn = response?.type === requestType.preDump;
  const ended = goesOn || (!exit.signaled && exit.code === 0);
  if (response?.success === true && ended) return undefined;
  const log = readLog(place.directory, place.file);
  const errors = lastErrors(log);
  if (errors.length === 0 && response?.cr_errmsg) errors.push(response.cr_errmsg);
  const reasons = errors.length > 0 ? `: ${errors.join("; ")}` : "";
  const file = `${place.path}/${place.file}`;
  const hint = hintFor(`${log}\n${response?.cr_errmsg ?? ""}`);
  return new TsrunError("CRIU", `criu failed: ${describe({ response, exit })}${reasons}`, {
    hint: log === "" ? hint : hint === undefined ? `its log is ${file}` : `${hint} (log: ${file})`,
  });
}

const typeNames: Readonly<Record<number, string>> = {
  0: "EMPTY",
  [requestType.dump]: "DUMP",
  [requestType.restore]: "RESTORE",
  [requestType.preDump]: "PRE_DUMP",
  [requestType.notify]: "NOTIFY",
  [requestType.featureCheck]: "FEATURE_CHECK",
  [requestType.version]: "VERSION",
};

function describe({ response, exit }: Outcome): string {
  if (response !== null && response.success !== true) {
    const type = response.type ?? 0;
    return `type ${typeNames[type] ?? type} errno ${response.cr_errno ?? 0}`;
  }
  return describeExit(exit);
}
