// Where --log sends records: a file by its name, or crun's ways to say it.
import { TsrunError } from "../errors.ts";

/** Absent in a log's target: stderr. */
export type LogPlace =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "syslog" | "journald"; readonly tag: string };

/** Reads --log: FILE, file:FILE, syslog:TAG or journald:TAG. */
export function readLogPlace(text: string): LogPlace | undefined {
  if (text === "") return undefined;
  const [, kind, rest = ""] = /^(file|syslog|journald):(.*)$/s.exec(text) ?? [];
  if (kind === undefined) return { kind: "file", path: text };
  if (rest === "") {
    const what = kind === "file" ? "file" : "tag";
    throw new TsrunError("USAGE", `--log ${text} names no ${what}`, {
      hint: "--log is a file, or file:FILE, syslog:TAG or journald:TAG",
    });
  }
  return kind === "file"
    ? { kind, path: rest }
    : { kind: kind === "syslog" ? "syslog" : "journald", tag: rest };
}
