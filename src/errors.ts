/** A place in config.json. `line` and `column` count from 1. */
export type Position = { file: string; line: number; column: number };

/**
 * Stable codes of what can go wrong; messages are free to improve, codes are not.
 * The exit status is 1 unless the command says otherwise (see src/cli/exit.ts).
 */
export type ErrorCode =
  | "USAGE"
  | "BUNDLE"
  | "CONFIG_SYNTAX"
  | "CONFIG_INVALID"
  | "CONFIG_UNSUPPORTED"
  | "CONTAINER_ID"
  | "CONTAINER_EXISTS"
  | "CONTAINER_NOT_FOUND"
  | "CONTAINER_STATUS"
  | "STATE"
  | "STATE_FOREIGN"
  | "INIT"
  | "EXEC"
  | "HOOK"
  | "CGROUP"
  | "SECCOMP"
  | "CRIU"
  | "CONSOLE"
  | "SIGNAL"
  | "HOST"
  | "ABORTED"
  | "INTERNAL";

export type ErrorDetails = {
  /** JSON pointer into config.json, e.g. "/mounts/3/source". */
  pointer?: string;
  position?: Position;
  /** What to do about it, one sentence. */
  hint?: string;
  /** A Linux error name such as "ENOENT". */
  errno?: string;
  exitCode?: number;
  cause?: unknown;
};

/** The one error class of tsrun; everything thrown on purpose is one. */
export class TsrunError extends Error {
  static {
    this.prototype.name = "TsrunError";
  }
  readonly code: ErrorCode;
  pointer?: string;
  position?: Position;
  hint?: string;
  readonly errno?: string;
  readonly exitCode?: number;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.pointer = details.pointer;
    this.position = details.position;
    this.hint = details.hint;
    this.errno = details.errno;
    this.exitCode = details.exitCode;
  }
}

/** Ends an exhaustive switch; reaching it is a bug in tsrun. */
export function assertNever(value: never): never {
  throw new TsrunError("INTERNAL", `unexpected value ${JSON.stringify(value)}`);
}
