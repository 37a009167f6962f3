// Records for the log daemons of the host, one datagram each.
import { closeSync } from "node:fs";

import { reasonOf } from "../errno.ts";
import { TsrunError } from "../errors.ts";
import { native } from "../native.ts";
import type { Level } from "./log.ts";
import type { LogPlace } from "./log-place.ts";

export type Daemon = Extract<LogPlace, { tag: string }>;

export const daemonSockets = {
  syslog: "/dev/log",
  journald: "/run/systemd/journal/socket",
} as const;

/** syslog(3)'s severities. */
const severities: Readonly<Record<Level, number>> = { error: 3, warning: 4, info: 6, debug: 7 };
const userFacility = 1;

/** Sends one record. */
export function sendRecord(
  daemon: Daemon,
  record: { readonly level: Level; readonly text: string; readonly time: Date },
  socketPath: string = daemonSockets[daemon.kind],
): void {
  const text = record.text.trimEnd();
  const severity = severities[record.level];
  const datagram =
    daemon.kind === "syslog"
      ? `<${userFacility * 8 + severity}>${stamp(record.time)} ${daemon.tag}[${process.pid}]: ${text}`
      : [
          `PRIORITY=${severity}`,
          `SYSLOG_IDENTIFIER=${daemon.tag}`,
          `ID=${daemon.tag}`, // what crun's records are found by
          `MESSAGE=${text}`,
        ].join("\n");
  const socket = connect(daemon, socketPath);
  try {
    native().sendMessage(socket, Buffer.from(datagram), []);
  } finally {
    closeSync(socket);
  }
}

/** Finds out in time whether the daemon is there: without it records would be lost. */
export function checkDaemon(daemon: Daemon, socketPath: string = daemonSockets[daemon.kind]): void {
  closeSync(connect(daemon, socketPath));
}

function connect({ kind }: Daemon, path: string): number {
  try {
    return native().connectDatagram(path);
  } catch (error) {
    throw new TsrunError("USAGE", `cannot log to ${kind} at ${path}: ${reasonOf(error)}`, {
      cause: error,
      hint: "--log can name a file instead",
    });
  }
}

/** The time as syslog has had it since BSD: "Nov 24 02:03:04", local. */
function stamp(time: Date): string {
  const month = "JanFebMarAprMayJunJulAugSepOctNovDec".slice(time.getMonth() * 3).slice(0, 3);
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()];
  const digits = clock.map((part) => String(part).padStart(2, "0")).join(":");
  return `${month} ${String(time.getDate()).padStart(2)} ${digits}`;
}
