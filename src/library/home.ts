import type { RuntimeOptions } from "./types.ts";

/** What all containers of a Runtime have in common. */
export type Home = {
  readonly root: string;
  readonly options: RuntimeOptions;
};

/** What to do with the warnings of one container. */
export function warnOf({ options }: Home, id: string): (message: string) => void {
  const { warn } = options;
  if (warn !== undefined) return (message) => warn(message, id);
  return (message) => process.emitWarning(`${id}: ${message}`, "TsrunWarning");
}
