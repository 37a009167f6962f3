// The budget: which modules each hot command may load. test/budget/imports.txt has a line for each module, with the commands
// that load it; `npm run budget` writes it anew from what they load now.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Loaded, Trace } from "./traced.ts";

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

/** A sentence for each module that commands load beyond their budget, or no longer load. */
export function compareBudget({ loaded, importers }: Trace, budget: Budget): string[] {
  const commands = [...new Set([...loaded.keys(), ...budget.keys()])];
  const modules = new Set([...loaded.values(), ...budget.values()].flatMap((names) => [...names]));
  return [...modules].sort().flatMap((name) => {
    const now = commands.filter((command) => loaded.get(command)?.has(name));
    const before = commands.filter((command) => budget.get(command)?.has(name));
    const added = now.filter((command) => !before.includes(command));
    const gone = before.filter((command) => !now.includes(command));
    const by = added.length > 0 ? byWhom(name, loaded.get(added[0]!)!) : "";
    return [
      ...(added.length > 0 ? [`${added.join(", ")}: ${name} is loaded now, ${by}`] : []),
      ...(gone.length > 0 ? [`${gone.join(", ")}: ${name} is not loaded any more`] : []),
    ];
  });

  function byWhom(name: string, now: Loaded): string {
    const importing = (importers.get(name) ?? []).filter((importer) => now.has(importer));
    if (importing.length > 0) return `imported by ${importing.join(" and ")}`;
    return name.startsWith("node:") ? "by node itself" : "as the entry";
  }
}
