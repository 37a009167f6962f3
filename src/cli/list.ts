import { TsrunError } from "../errors.ts";
import { listContainers } from "../lifecycle/list.ts";
import type { ContainerView } from "../lifecycle/state.ts";
import type { Invocation } from "./invocation.ts";
import { print, writeAll } from "./output.ts";

/** tsrun list */
export function list({ flags, root }: Invocation<"list">): number {
  const { path, explicit } = root;
  const { containers, problems, rootExists } = listContainers(path);
  if (explicit && !rootExists) {
    throw new TsrunError("STATE", `open ${path}: no such file or directory`, {
      hint: "--root names the directory that the containers were created with",
    });
  }
  problems.forEach((problem) => writeAll(2, `${problem}\n`));
  print(formatListing(containers, flags.quiet ? "ids" : readFormat(flags.format)));
  return 0;
}

function readFormat(format: string): "table" | "json" {
  if (format === "table" || format === "json") return format;
  throw new TsrunError("USAGE", "invalid format option", { hint: "--format is table or json" });
}

const headings = ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"];

/** Containers as ids, as runc's table, or as JSON, which is `null` when there are none. */
export function formatListing(
  containers: readonly ContainerView[],
  format: "ids" | "table" | "json",
): string {
  switch (format) {
    case "ids":
      return containers.map(({ id }) => `${id}\n`).join("");
    case "json":
      return `${JSON.stringify(containers.length === 0 ? null : containers)}\n`;
    case "table":
      return formatTable([
        headings,
        ...containers.map(({ id, pid, status, bundle, created, owner }) => [
          id,
          String(pid),
          status,
          bundle,
          created,
          owner,
        ]),
      ]);
  }
}

const padding = 3;
const minimumWidth = 12;

function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = headings.map((_, column) => {
    const longest = Math.max(...rows.map((row) => [...row[column]!].length));
    return Math.max(longest + padding, minimumWidth);
  });
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : pad(cell, widths[column]!)))
      .join("");
  return rows.map((row) => `${line(row)}\n`).join("");
}

function pad(cell: string, width: number): string {
  return cell + " ".repeat(width - [...cell].length);
}
