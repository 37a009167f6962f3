import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { findProgram } from "./host.ts";

const cache = process.env.TSRUN_CACHE ?? "/var/cache/tsrun";
const tree = join(cache, "debian");

/** Why there is no Debian tree and none can be made here, or false. */
export function needsDebian(): string | false {
  if (existsSync(join(tree, "etc/debian_version"))) return false;
  if (process.env.TSRUN_LAB_INSIDE !== undefined) return "the lab has no network";
  if (findProgram("debootstrap") === null) return "needs debootstrap";
  return mirror() === null ? "needs a Debian mirror: set LAB_APT_URI" : false;
}

/** The root of a minimal Debian; made once on a machine. Tests do not write to it. */
export function debianTree(): string {
  if (existsSync(join(tree, "etc/debian_version"))) return tree;
  const partial = join(cache, `debian.${process.pid}`);
  mkdirSync(cache, { recursive: true });
  const args = ["--variant=minbase", "bookworm", partial, mirror() ?? ""];
  const made = spawnSync("debootstrap", args, { encoding: "utf8", timeout: 600_000 });
  if (made.status !== 0) {
    rmSync(partial, { recursive: true, force: true });
    throw new Error(`debootstrap: ${made.error?.message ?? made.stdout + made.stderr}`);
  }
  renameSync(partial, tree);
  return tree;
}

/** $LAB_APT_URI, else the first Debian mirror in apt's sources. */
function mirror(): string | null {
  if (process.env.LAB_APT_URI !== undefined) return process.env.LAB_APT_URI;
  const directory = "/etc/apt/sources.list.d";
  const files = existsSync(directory) ? readdirSync(directory) : [];
  const texts = ["/etc/apt/sources.list", ...files.map((name) => join(directory, name))]
    .filter((file) => existsSync(file))
    .map((file) => readFileSync(file, "utf8").replaceAll(/^#.*$/gm, ""));
  return /https?:\/\/[^ \n]*\/debian\/?(?=[ \n])/.exec(texts.join("\n"))?.[0] ?? null;
}
