import { spec } from "../../src/spec/schema/spec.ts";
import { schemaOf } from "../../src/spec/schema/zod.ts";

type Definition = {
  readonly type: string;
  readonly shape?: Readonly<Record<string, Node>>;
  readonly element?: Node;
  readonly innerType?: Node;
  readonly valueType?: Node;
};
type Node = { readonly def: Definition };

/** Every field of config.json that has a value of its own, such as "mounts[].options[]" or "linux.sysctl.*". */
export function listFields(): string[] {
  return fieldsOf(schemaOf(spec), "");
}

/** What holds them: "mounts", "mounts[]", "process.user". */
export function listSections(): string[] {
  const within = (field: string): string[] => {
    const above = field.replace(/(?:\[\]|\.[^.[\]]+)$/, "");
    return above === field ? [] : [...within(above), above];
  };
  return [...new Set(listFields().flatMap(within))];
}

function fieldsOf({ def }: Node, path: string): string[] {
  const { type, shape, element, innerType, valueType } = def;
  if (type === "optional") return fieldsOf(innerType!, path);
  if (type === "array") return fieldsOf(element!, `${path}[]`);
  if (type === "record") return fieldsOf(valueType!, `${path}.*`);
  if (type !== "object") return [path];
  return Object.entries(shape!).flatMap(([name, inner]) =>
    fieldsOf(inner, path === "" ? name : `${path}.${name}`),
  );
}
