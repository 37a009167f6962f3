import * as z from "zod/mini";

import type { Field, Schema } from "./blocks.ts";

// A schema is used once: compiling a parser for it costs more than it saves.
z.config({ jitless: true });

/** The zod schema of a field. */
export function schemaOf<T>(field: Field<T>): Schema<T> {
  return field.schema(z);
}
