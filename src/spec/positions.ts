// Where things are in the text of config.json. Needed for messages only, so nothing here is fast.
import { findNodeAtLocation, type Node, type ParseError, parseTree } from "jsonc-parser";

export type Place = { line: number; column: number };

// The tree of the last text: a report asks for many places in one text.
let last: { text: string; root: Node | undefined } | undefined;

/** Line and column of what a JSON pointer names; of the nearest thing around it when it is not there. */
export function positionOf(text: string, pointer: string): Place | undefined {
  const root = treeOf(text);
  if (root === undefined) return undefined;
  const path = parsePointer(pointer);
  for (let depth = path.length; depth > 0; depth--) {
    const node = nodeAt(root, path.slice(0, depth));
    if (node !== undefined) return placeAt(text, node.offset);
  }
  return placeAt(text, root.offset);
}

/** Line and column of an offset, both counted from 1. */
export function placeAt(text: string, offset: number): Place {
  let line = 1;
  let start = 0;
  for (let end = text.indexOf("\n"); end !== -1 && end < offset; end = text.indexOf("\n", start)) {
    line++;
    start = end + 1;
  }
  return { line, column: offset - start + 1 };
}

/** Names that one object of the text gives twice: where, and where the first one is. */
export function duplicateKeys(text: string): { pointer: string; offset: number; first: number }[] {
  const found: { pointer: string; offset: number; first: number }[] = [];
  const visit = (node: Node, pointer: string): void => {
    if (node.type === "array") {
      for (const [index, element] of (node.children ?? []).entries())
        visit(element, `${pointer}/${index}`);
    }
    if (node.type !== "object") return;
    const seen = new Map<string, number>();
    for (const property of node.children ?? []) {
      const [key, value] = property.children ?? [];
      const name = String(key?.value);
      const below = `${pointer}/${escapeToken(name)}`;
      const first = seen.get(name);
      if (first !== undefined) found.push({ pointer: below, offset: property.offset, first });
      else seen.set(name, property.offset);
      if (value !== undefined) visit(value, below);
    }
  };
  const root = treeOf(text);
  if (root !== undefined) visit(root, "");
  return found;
}

/** The first thing in the text that JSON does not allow. */
export function firstSyntaxError(text: string): { error: number; offset: number } | undefined {
  const errors: ParseError[] = [];
  parseTree(text, errors, {
    disallowComments: true,
    allowTrailingComma: false,
    allowEmptyContent: false,
  });
  return errors[0];
}

/** "/mounts/3/source" as its parts; numbers where they look like indices. */
export function parsePointer(pointer: string): (string | number)[] {
  if (pointer === "") return [];
  return pointer
    .slice(1)
    .split("/")
    .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"))
    .map((token) => (/^(?:0|[1-9]\d*)$/.test(token) ? Number(token) : token));
}

/** The opposite of parsePointer. */
export function toPointer(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${escapeToken(String(part))}`).join("");
}

/** A pointer as people write such things: mounts[3].source. */
export function toField(pointer: string): string {
  let field = "";
  for (const part of parsePointer(pointer)) {
    if (typeof part === "number") field += `[${part}]`;
    else if (/^[\w-]+$/.test(part)) field += field === "" ? part : `.${part}`;
    else field += `[${JSON.stringify(part)}]`;
  }
  return field;
}

function escapeToken(token: string): string {
  return token.replaceAll("~", "~0").replaceAll("/", "~1");
}

function treeOf(text: string): Node | undefined {
  if (last?.text !== text) last = { text, root: parseTree(text) };
  return last.root;
}

function nodeAt(root: Node, path: (string | number)[]): Node | undefined {
  let node: Node | undefined = root;
  for (const part of path) {
    // A number may be the name of a property: {"sysctl": {"1": ...}}.
    const step: string | number = node.type === "array" ? Number(part) : String(part);
    node = findNodeAtLocation(node, [step]);
    if (node === undefined) return undefined;
  }
  return node;
}
