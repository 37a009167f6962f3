// By name: a namespace that is handed on takes all of zod into the bundle, with its texts in fifty languages.
import { array, config, custom, object, optional, record, string } from "zod/mini";

import type { Field, Schema, Zod } from "./blocks.ts";

const used: Zod = { array, custom, object, optional, record, string };

// A schema is used once: compiling a parser for it costs more than it saves.
config({ jitless: true });

/** The zod schema of a field. */
export function schemaOf<T>(field: Field<T>): Schema<T> {
  return field.schema(used);
}
