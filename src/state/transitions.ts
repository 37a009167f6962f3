// What may be done to a container in which status; the only place that knows.
import type { Status } from "./status.ts";

/** `start`: only once, and only what `create` left waiting. */
export function canStart(status: Status): boolean {
  return status === "created";
}

/** `kill`: whatever has a process. */
export function canKill(status: Status): boolean {
  return status === "created" || status === "running" || status === "paused";
}

/** `pause`: what has a process that is not stopped already. */
export function canPause(status: Status): boolean {
  return status === "created" || status === "running";
}

/** `exec`: what has a process; in a paused one the new process waits with the others. */
export function canExec(
  status: Status,
  { ignorePaused }: { readonly ignorePaused: boolean },
): boolean {
  return status === "created" || status === "running" || (status === "paused" && ignorePaused);
}

/** `delete` without force: what has ended; what never started is ended first. */
export function canDelete(status: Status): boolean {
  return status === "stopped" || status === "created";
}
