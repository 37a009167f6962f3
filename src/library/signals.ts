import { constants } from "node:os";

const realTimeFirst = 34;

/** The name of a signal: SIGKILL, SIGRTMIN+3. */
export function signalName(number: number): string {
  if (number >= realTimeFirst) return `SIGRTMIN+${number - realTimeFirst}`;
  const names = Object.entries(constants.signals);
  return names.find(([, value]) => value === number)?.[0] ?? `SIG${number}`;
}
