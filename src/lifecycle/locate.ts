import { TsrunError } from "../errors.ts";
import { positionOf } from "../spec/positions.ts";

/** Adds the line of config.json to an error that has a pointer into it. */
export function located(error: unknown, source: { text: string; file: string }): unknown {
  if (!(error instanceof TsrunError) || error.pointer === undefined || error.position) return error;
  const position = positionOf(source.text, error.pointer);
  if (position) error.position = { file: source.file, ...position };
  return error;
}
