export type OptionRow = {
  readonly command: string;
  /** As in "--force, -f". */
  readonly option: string;
  readonly runc: string;
  readonly crun: string;
  readonly tsrun: string;
};

/** The rows of the table of options in docs/crun.md; of the last three columns the first word. */
export function readOptionTable(page: string): OptionRow[] {
  return tableUnder(page, "Options").map(([command, option, runc, crun, tsrun]) => ({
    command: command!,
    option: option!.replaceAll("`", ""),
    runc: firstWord(runc!),
    crun: firstWord(crun!),
    tsrun: firstWord(tsrun!),
  }));
}

/** The rows of the first table below a heading, by their cells. */
export function tableUnder(page: string, heading: string): string[][] {
  const section = page.split(/^## /m).find((part) => part.startsWith(`${heading}\n`));
  if (section === undefined) throw new Error(`docs/crun.md has no heading ${heading}`);
  const [, , ...rows] = section.split("\n").filter((line) => line.startsWith("|"));
  return rows.map((row) =>
    row
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim()),
  );
}

function firstWord(cell: string): string {
  return /^\w+/.exec(cell)?.[0] ?? "";
}
