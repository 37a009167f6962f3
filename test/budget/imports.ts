// The budget: which modules each hot command may load. test/budget/imports.txt has a line for each module, with the commands
// that load it; `npm run budget` writes it anew from what they load now.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { libraryEntry, type Loaded, type Trace } from "./traced.ts";

const file = join(import.meta.dirname, "imports.txt");

export type Budget = ReadonlyMap<string, Loaded>;

/** The budget as text. */
export function formatBudget(loaded: Budget): string {
  const commands = [...loaded.keys()];
  const modules = [...new Set([...loaded.values()].flatMap((names) => [...names]))].sort();
  const width = Math.max(...modules.map((name) => name.length));
  const lines = modules.map((name) => {
    const users = commands.filter((command) => loaded.get(command)!.has(name));
    return `${name.padEnd(width)}  ${users.join(", ")}`;
  });
  const counts = commands.map((command) => `# ${command}: ${loaded.get(command)!.size}`);
  return [
    `# What each hot command loads. Written by npm run budget.`,
    ...counts,
    ...lines,
    "",
  ].join("\n");
}

/** Reads what formatBudget wrote. */
export function parseBudget(text: string): Budget {
  const budget = new Map<string, Set<string>>();
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const [, name = "", users = ""] = /^(\S+)\s+(.*)$/.exec(line) ?? [];
    for (const command of users.split(", ")) {
      budget.set(command, (budget.get(command) ?? new Set()).add(name));
    }
  }
  return budget;
}

export function readBudget(): Budget {
  return parseBudget(readFileSync(file, "utf8"));
}

export function writeBudget(loaded: Budget): void {
  writeFileSync(file, formatBudget(loaded));
}

/** A sentence for each command that loads what its budget does not have, or no longer loads what it has. */
export function compareBudget({ loaded, importers }: Trace, budget: Budget): string[] {
  const sentences: string[] = [];
  for (const command of new Set([...loaded.keys(), ...budget.keys()])) {
    const now = loaded.get(command) ?? new Set<string>();
    const allowed = budget.get(command) ?? new Set<string>();
    const added = [...now].filter((name) => !allowed.has(name));
    const gone = [...allowed].filter((name) => !now.has(name));
    sentences.push(
      ...added.map((name) => `${nameCommand(command)} loads ${name} now, ${byWhom(name)}`),
      ...gone.map((name) => `${nameCommand(command)} does not load ${name} any more`),
    );

    function byWhom(name: string): string {
      const importing = (importers.get(name) ?? []).filter((importer) => now.has(importer));
      if (importing.length > 0) return `imported by ${importing.join(" and ")}`;
      return name.startsWith("node:") ? "which node loads by itself" : "as its entry";
    }
  }
  return sentences;
}

function nameCommand(command: string): string {
  return command === libraryEntry ? command : `tsrun ${command}`;
}
