// Errors on their way from a worker to the caller: what TsrunError carries besides its text would be lost in a copy.
import { reasonOf } from "../errno.ts";
import { type ErrorCode, type Position, TsrunError } from "../errors.ts";

/** An error as a message between threads. */
export type PlainFailure = {
  readonly code: ErrorCode;
  readonly message: string;
  readonly pointer?: string;
  readonly position?: Position;
  readonly hint?: string;
  readonly errno?: string;
  readonly exitCode?: number;
  /** The text of what was behind it. */
  readonly cause?: string;
};

/** Anything that was thrown, for another thread. */
export function toPlain(error: unknown): PlainFailure {
  const known = toTsrunError(error);
  const { code, message, pointer, position, hint, errno, exitCode, cause } = known;
  const reason = cause instanceof Error ? cause.message : undefined;
  return { code, message, pointer, position, hint, errno, exitCode, cause: reason };
}

/** The error that another thread had. */
export function fromPlain({ code, message, cause, ...details }: PlainFailure): TsrunError {
  const behind = cause === undefined ? undefined : new Error(cause);
  return new TsrunError(code, message, { ...details, cause: behind });
}

/** Anything that was thrown, as the one class of errors. */
export function toTsrunError(error: unknown): TsrunError {
  if (error instanceof TsrunError) return error;
  const { code, syscall, message } = error as NodeJS.ErrnoException;
  if (typeof syscall !== "string" || typeof code !== "string") {
    const text = error instanceof Error ? (error.stack ?? message) : String(error);
    return new TsrunError("INTERNAL", text, { cause: error });
  }
  return new TsrunError("HOST", `${syscall}: ${reasonOf(error)}`, { errno: code, cause: error });
}

/** What calls are rejected with whose signal was aborted. */
export function abortedBy(signal: AbortSignal): TsrunError {
  return new TsrunError("ABORTED", "the operation was aborted", { cause: signal.reason });
}

/** Throws when the signal is aborted already. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortedBy(signal);
}
