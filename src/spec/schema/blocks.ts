// What the schemas of the sections are built from. A field answers two questions: whether a value is of its type, by
// plain tests that cost next to nothing, as every create asks; and what is wrong with one that is not, by a zod schema
// that is made when that is asked. Both come from one description.
import type * as zod from "zod/mini";

import { isObject } from "../json.ts";

export type Schema<T = unknown> = zod.ZodMiniType<T>;
/** zod comes from whoever asks for a schema: those who only ask whether a value fits do not load it. */
export type Zod = Pick<
  typeof zod,
  "array" | "custom" | "object" | "optional" | "record" | "string"
>;

export type Field<T = unknown> = {
  readonly fits: (value: unknown) => boolean;
  /** Finds nothing wrong exactly where `fits` is true. */
  readonly schema: (z: Zod) => Schema<T>;
};

/** All fields of an object: the compiler wants every one that the type has, and no other. */
export type Fields<T> = { readonly [K in keyof T]-?: Field<Exclude<T[K], undefined>> };

/** What a leaf says about itself when a value is not as it wants. */
export type Expectation = {
  /** "a string", "one of a, b, c" */
  readonly expected: string;
  readonly rule: "type" | "range" | "unknown-value";
  /** The names that are known, where only they are valid. */
  readonly allowed?: readonly string[];
};

/** An object. Unknown fields pass, the specification demands it; what is checked here is used as it is. */
export function object<T extends object>(
  fields: Fields<T>,
  required: readonly (keyof T & string)[] = [],
): Field<T> {
  const known = fields as Readonly<Record<string, Field>>;
  return {
    fits: (value) => {
      if (!isObject(value)) return false;
      for (const name of required) if (!Object.hasOwn(value, name)) return false;
      for (const name of Object.keys(value)) {
        if (Object.hasOwn(known, name) && !known[name]!.fits(value[name])) return false;
      }
      return true;
    },
    schema: once((z) => {
      const shape: Record<string, Schema> = {};
      for (const [name, field] of Object.entries(known)) {
        const schema = field.schema(z);
        shape[name] = (required as readonly string[]).includes(name) ? schema : z.optional(schema);
      }
      return z.object(shape) as unknown as Schema<T>;
    }),
  };
}

/** An array with elements of one kind. */
export function list<T>(element: Field<T>): Field<T[]> {
  return {
    fits: (value) => Array.isArray(value) && value.every(element.fits),
    schema: once((z) => z.array(element.schema(z))),
  };
}

/** An object with names of the user's choice. */
export function mapOf<T>(element: Field<T>): Field<Record<string, T>> {
  return {
    fits: (value) => isObject(value) && Object.values(value).every(element.fits),
    schema: once((z) => z.record(z.string(), element.schema(z))),
  };
}

/** A value that passes a test. */
export function leaf<T>(
  fits: (value: unknown) => boolean,
  expectation: () => Expectation,
): Field<T> {
  return { fits, schema: once((z) => z.custom<T>(fits, { params: expectation() })) };
}

function once<T>(make: (z: Zod) => T): (z: Zod) => T {
  let made: T | undefined;
  return (z) => (made ??= make(z));
}
