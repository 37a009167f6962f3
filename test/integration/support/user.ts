import { chmodSync, mkdirSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { runtime, scratch } from "./runtime.ts";

export type User = { readonly uid: number; readonly gid: number };

/**
 * The words of a command that runs the runtime as a user without any rights. Where only root may enter a directory
 * above the runtime (a clone below /root), the command sees it bound on a place that everyone may enter.
 */
export function runtimeAs({ uid, gid }: User, args: readonly string[]): [string, ...string[]] {
  chmodSync(scratch, 0o711);
  const ids = [`--reuid=${uid}`, `--regid=${gid}`, "--clear-groups", "--"];
  if (everyoneEnters(dirname(runtime))) return ["/usr/bin/setpriv", ...ids, runtime, ...args];
  const place = join(scratch, "runtime");
  mkdirSync(place, { recursive: true });
  const script = 'mount --bind "$0" "$1" || exit 98; shift; exec "$@"';
  const inner = ["/usr/bin/setpriv", ...ids, join(place, basename(runtime)), ...args];
  return ["/usr/bin/unshare", "--mount", "sh", "-c", script, dirname(runtime), place, ...inner];
}

function everyoneEnters(directory: string): boolean {
  const entered = (statSync(directory).mode & 0o001) !== 0;
  return entered && (directory === "/" || everyoneEnters(dirname(directory)));
}
