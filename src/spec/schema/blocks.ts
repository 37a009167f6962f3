// What the schemas of the sections are built from. A schema is made for the value that it will check: of
// the fields that are there, and nothing else, because making a zod object costs more than using it once.
import * as z from "zod/mini";

// Compiled parsers pay off at the second use; there is none.
z.config({ jitless: true });

export type Schema<T = unknown> = z.ZodMiniType<T>;
/** `quick` may let a large list pass by a plain test; `thorough` builds everything, to name what is wrong and known. */
export type Mode = "quick" | "thorough";
/** Makes the schema for a value. */
export type Build<T = unknown> = (value: unknown, mode: Mode) => Schema<T>;
/** A leaf is its own schema; what has fields of its own is built. */
export type Field<T = unknown> = Schema<T> | Build<T>;
/** All fields of an object: the compiler wants every one that the type has, and no other. */
export type Fields<T> = { readonly [K in keyof T]-?: Field<Exclude<T[K], undefined>> };

/** What a leaf says about itself when a value is not as it wants. */
export type Expectation = {
  /** "a string", "one of a, b, c" */
  expected: string;
  rule: "type" | "range" | "unknown-value" | "nul-byte";
  /** The names that are known, where only they are valid. */
  allowed?: readonly string[];
};

// Values given for the fields of list elements: all of one name, to see which fields are there at all.
class Values {
  readonly all: unknown[];
  constructor(all: unknown[]) {
    this.all = all;
  }
}

const knownNames = new WeakMap<Schema, readonly string[]>();

/** The names an object schema knows: also of the fields that were left out of it. */
export function namesOf(schema: Schema): readonly string[] | undefined {
  return knownNames.get(schema);
}

/** An object. Unknown fields pass: the specification demands it, and what is checked here is used as it is. */
export function object<T extends object>(
  fields: Fields<T>,
  required: readonly (keyof T & string)[] = [],
): Build<T> {
  return (value, mode) => {
    const shape: Record<string, Schema> = {};
    for (const [key, values] of membersOf(value)) {
      if (Object.hasOwn(fields, key)) shape[key] = build(fields[key as keyof T] as Field, values, mode);
    }
    for (const key of required) shape[key] ??= build(fields[key] as Field, undefined, mode);
    if (value instanceof Values) {
      for (const key in shape) if (!required.includes(key as never)) shape[key] = z.optional(shape[key]!);
    }
    const schema = z.object(shape);
    if (mode === "thorough") knownNames.set(schema, Object.keys(fields));
    return schema as unknown as Schema<T>;
  };
}

/** An array of what `element` builds. */
export function list<T>(element: Field<T>): Build<T[]> {
  return (value, mode) => {
    const elements = (value instanceof Values ? value.all : [value]).filter((item) => Array.isArray(item));
    return z.array(build(element, new Values(elements.flat()), mode)) as unknown as Schema<T[]>;
  };
}

/** An object with names of the user's choice. */
export function mapOf<T>(element: Field<T>): Build<Record<string, T>> {
  return (value, mode) => {
    const maps = (value instanceof Values ? value.all : [value]).filter(isObject);
    const values = new Values(maps.flatMap((map) => Object.values(map)));
    const schema = z.record(z.string(), build(element, values, mode));
    return schema as unknown as Schema<Record<string, T>>;
  };
}

/** A value that passes a test. */
export function leaf<T>(test: (value: unknown) => boolean, expectation: Expectation): Schema<T> {
  return z.custom<T>(test, { params: expectation }) as unknown as Schema<T>;
}

/** A list of values that pass a test; one schema for the whole of it. */
export function leaves<T>(element: Schema<T>): Build<T[]> {
  const { fn, params } = (element as unknown as { def: { fn: (value: unknown) => boolean; params: Expectation } }).def;
  const passes = leaf<T[]>((value) => Array.isArray(value) && value.every(fn), params);
  return (value, mode) =>
    mode === "quick" && !(value instanceof Values) ? passes : (z.array(element) as unknown as Schema<T[]>);
}

export function build(field: Field, value: unknown, mode: Mode): Schema {
  return typeof field === "function" ? field(value, mode) : field;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function membersOf(value: unknown): [string, unknown][] {
  if (value instanceof Values) {
    const members = new Map<string, unknown[]>();
    for (const element of value.all) {
      if (!isObject(element)) continue;
      for (const key in element) {
        const values = members.get(key);
        if (values) values.push(element[key]);
        else members.set(key, [element[key]]);
      }
    }
    return [...members].map(([key, values]) => [key, new Values(values)]);
  }
  return isObject(value) ? Object.entries(value) : [];
}
