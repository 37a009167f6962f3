import type { Issue } from "../issue.ts";
import type { Spec } from "../types.ts";

/** A value of which any part may be missing: parts of a wrong type are taken out before rules see it. */
export type Draft<T> = T extends readonly (infer E)[]
  ? readonly (Draft<E> | undefined)[]
  : T extends object
    ? { readonly [K in keyof T]?: Draft<T[K]> }
    : T;

export type SpecDraft = Draft<Spec>;

export type Details = Pick<Issue, "expected" | "got" | "hint">;
export type Report = (pointer: string, message: string, details?: Details) => void;

/** One thing that the specification, or runc, wants of a configuration beyond the types of its fields. */
export type Rule = {
  readonly id: string;
  /** What it is about: without that there is nothing to check. */
  readonly on?: readonly string[];
  /** Where the specification says so. */
  readonly section: string;
  readonly severity: "error" | "warning";
  /** What `create` does: as runc, or where the kernel would not have it. */
  readonly create: "refuse" | "warn" | "accept";
  readonly check: (spec: SpecDraft, report: Report) => void;
};

/** Whether the spec has what a rule is about. */
export function concerns({ on }: Rule, spec: SpecDraft): boolean {
  if (on === undefined) return true;
  let value: unknown = spec;
  for (const name of on) value = (value as Readonly<Record<string, unknown>> | undefined)?.[name];
  return value !== undefined;
}

/** Calls back for every element that is there. */
export function each<T>(
  list: readonly (T | undefined)[] | null | undefined,
  visit: (element: T, index: number) => void,
): void {
  if (!list) return;
  for (let index = 0; index < list.length; index++) {
    const element = list[index];
    if (element !== undefined) visit(element, index);
  }
}

/** Calls back for every element that names the same as one before it. */
export function eachDuplicate<T>(
  list: readonly (T | undefined)[] | undefined,
  nameOf: (element: T) => string | undefined,
  visit: (index: number, name: string, first: number) => void,
): void {
  const seen = new Map<string, number>();
  each(list, (element, index) => {
    const name = nameOf(element);
    if (name === undefined) return;
    const first = seen.get(name);
    if (first === undefined) seen.set(name, index);
    else visit(index, name, first);
  });
}

/** Whether a namespace of the type is made or joined; its entry when there is one. */
export function namespaceOf(
  spec: SpecDraft,
  type: string,
): { readonly type?: string; readonly path?: string } | undefined {
  return spec.linux?.namespaces?.find((namespace) => namespace?.type === type);
}

/** What the kernel has as the numbers of a device. */
const mostNumbers = { major: 0xfff, minor: 0xf_ffff } as const;

/** Reports the numbers of a device that are none. */
export function checkNumbers(
  pointer: string,
  device: { readonly major?: number; readonly minor?: number },
  report: Report,
): void {
  for (const field of ["major", "minor"] as const) {
    const number = device[field] ?? 0;
    if (number >= 0 && number <= mostNumbers[field]) continue;
    const details = { expected: `0 to ${mostNumbers[field]}`, got: String(number) };
    report(`${pointer}/${field}`, "is no device number", details);
  }
}

/** A name as a token of a JSON pointer. */
export function token(name: string): string {
  return name.replaceAll("~", "~0").replaceAll("/", "~1");
}

/** A string as messages show it. */
export function quote(text: string): string {
  return JSON.stringify(text);
}

const listPart = /^\s*\d{1,5}(?:-\d{1,5})?\s*$/;

/** Whether a text is a list of CPUs or nodes such as "0-3,7". */
export function isNumberList(text: string): boolean {
  return text.split(",").every((part) => {
    const [first, last] = part.split("-").map(Number);
    return listPart.test(part) && (last === undefined || first! <= last);
  });
}
