import { native } from "../native.ts";
import { commit, specVersion, version } from "../version.ts";
import { programName } from "./program.ts";

export type Versions = {
  readonly version: string;
  readonly commit?: string;
  readonly spec: string;
  readonly node: string;
  readonly libseccomp?: string;
};

/** The versions of this program and of what it is made of. */
export function readVersions(): Versions {
  return { version, commit, spec: specVersion, node: process.version, libseccomp: libseccomp() };
}

/** Engines take every line with the word "version" for the program's own, so it stands in one line only. */
export function formatVersions(versions: Versions): string {
  const { commit, libseccomp } = versions;
  const lines = [
    `${programName} version ${versions.version}`,
    ...(commit ? [`commit: ${commit}`] : []),
    `spec: ${versions.spec}`,
    `node: ${versions.node}`,
    ...(libseccomp ? [`libseccomp: ${libseccomp}`] : []),
  ];
  return lines.map((line) => `${line}\n`).join("");
}

function libseccomp(): string | undefined {
  try {
    return native().libseccompVersion;
  } catch {
    return undefined; // run from source before the addon is built: the other lines are still of use
  }
}
