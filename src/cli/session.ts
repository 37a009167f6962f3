import { TsrunError } from "../errors.ts";
import { version } from "../version.ts";
import { runVerb, type Verb } from "./dispatch.ts";
import type { Invocation } from "./invocation.ts";
import { type Log, type LogFormat, openLog } from "./log.ts";
import type { Daemon } from "./log-daemon.ts";
import { readLogPlace } from "./log-place.ts";
import { print } from "./output.ts";
import { type Parsed, parseCommandLine } from "./parse.ts";
import { type GlobalValues, programName } from "./program.ts";
import { stateRoot } from "./root.ts";

/** Reads and runs one command line; never throws. Returns the exit status. */
export async function runCommandLine(argv: readonly string[], argv0: string): Promise<number> {
  let log: Log = openLog({ format: "text", debug: false });
  let parsed: Parsed | undefined;
  try {
    parsed = parseCommandLine(argv);
    if ("globals" in parsed) log = await logFor(parsed.globals);
    if (parsed.kind === "usage") log = await logFor(parsed.problem.globals);
    const code = await carryOut(parsed, { log, argv0 });
    log.settle();
    return code;
  } catch (error) {
    return fail(error, parsed, log);
  }
}

type Surroundings = { readonly log: Log; readonly argv0: string };

async function carryOut(parsed: Parsed, { log, argv0 }: Surroundings): Promise<number> {
  switch (parsed.kind) {
    case "run":
      return runParsed(parsed, log);
    case "help":
      print((await import("./help.ts")).renderHelp(parsed.command));
      return 0;
    case "version": {
      const { formatVersions, readVersions } = await import("./version.ts");
      print(formatVersions(readVersions()));
      return 0;
    }
    case "usage":
      throw (await import("./usage.ts")).showUsage(parsed.problem, argv0);
    case "unknown-command":
      throw (await import("./usage.ts")).unknownCommand(parsed.word);
  }
}

type Run = Extract<Parsed, { kind: "run" }>;

function runParsed({ name, globals, flags, args }: Run, log: Log): Promise<number> {
  // For every command, as runc does: a root of "/" is always refused.
  const root = stateRoot(globals.root);
  log.debugging(`${programName} ${version}: ${name} ${args.join(" ")}`.trimEnd(), {
    root: root.path,
  });
  // The parser has filled in the flags by the table that the type is made of.
  const invocation = { globals, flags, args, log, root } as unknown as Invocation<Verb>;
  return runVerb(name as Verb, invocation);
}

async function logFor(globals: GlobalValues): Promise<Log> {
  const place = readLogPlace(globals.log ?? "");
  const level = readLogLevel(globals["log-level"] ?? "");
  return openLog({
    place,
    format: readLogFormat(globals["log-format"]),
    debug: globals.debug || level === "debug",
    errorsOnly: level === "error" && !globals.debug,
    send: place === undefined || place.kind === "file" ? undefined : await sender(place),
  });
}

async function sender(daemon: Daemon): Promise<Log["send"]> {
  const { checkDaemon, sendRecord } = await import("./log-daemon.ts");
  checkDaemon(daemon);
  return sendRecord;
}

function readLogLevel(text: string): "error" | "warning" | "debug" | undefined {
  if (text === "") return undefined;
  if (text === "error" || text === "warning" || text === "debug") return text;
  throw new TsrunError("USAGE", `invalid log-level: ${text}`, {
    hint: "--log-level is error, warning or debug",
  });
}

function readLogFormat(text: string): LogFormat {
  if (text === "text" || text === "json") return text;
  throw new TsrunError("USAGE", `invalid log-format: ${text}`, {
    hint: "--log-format is text or json",
  });
}

async function fail(thrown: unknown, parsed: Parsed | undefined, log: Log): Promise<number> {
  const { describeFailure, reportFailure } = await import("./failure.ts");
  const { wrongOf } = await import("../spec/wrong.ts");
  const error =
    wrongOf(thrown) === undefined
      ? thrown
      : (await import("../spec/refusal.ts")).explainRefusal(thrown);
  const reported = parsed?.kind === "run" ? parsed.command.failure : undefined;
  const failure = describeFailure(error, { ...reported, debug: log.debug });
  reportFailure(failure, log);
  return failure.exitCode;
}
