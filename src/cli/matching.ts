// Commands on all containers whose names match (crun's --regex).
import { TsrunError } from "../errors.ts";
import { listIds } from "../state/store.ts";

/** Characters of names that POSIX' classes stand for; JavaScript has no such classes. */
const classes: Readonly<Record<string, string>> = {
  alnum: "0-9A-Za-z",
  alpha: "A-Za-z",
  digit: "0-9",
  lower: "a-z",
  upper: "A-Z",
  xdigit: "0-9A-Fa-f",
  punct: "_+.\\-",
};

/**
 * Does the work for each container that matches, in the order of names; one that fails does not keep the others
 * from their turn. The first error is thrown at the end, that nothing matches is none.
 */
export function forEachMatching(
  { root, pattern }: { readonly root: string; readonly pattern: string },
  work: (id: string) => void,
): void {
  const expression = compile(pattern);
  const errors: unknown[] = [];
  for (const id of listIds(root) ?? []) {
    if (!expression.test(id)) continue;
    try {
      work(id);
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) throw summary(errors);
}

function compile(pattern: string): RegExp {
  const translated = pattern.replace(
    /\[:(\w+):\]/g,
    (whole, name: string) => classes[name] ?? whole,
  );
  try {
    if (/\[[:.=]/.test(translated)) throw new SyntaxError("unknown character class");
    return new RegExp(translated);
  } catch (error) {
    throw new TsrunError(
      "USAGE",
      `${JSON.stringify(pattern)} is no regular expression: ${reasonIn(error)}`,
      {
        cause: error,
        hint: "without --regex it is the name of one container",
      },
    );
  }
}

function reasonIn(error: unknown): string {
  return (error as Error).message.split(": ").at(-1)!;
}

function summary(errors: readonly unknown[]): TsrunError {
  const [first] = errors as [unknown];
  const more = errors.length - 1;
  const message = `${(first as Error).message} (and ${more} more ${more === 1 ? "failure" : "failures"})`;
  if (!(first instanceof TsrunError)) return new TsrunError("HOST", message, { cause: first });
  return new TsrunError(first.code, message, { hint: first.hint, cause: first });
}
