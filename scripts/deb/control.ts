// The Debian package's description of itself, and the licences of what is in it.
import { programSummary } from "../../src/cli/program.ts";

export type ControlFacts = {
  readonly version: string;
  readonly architecture: string;
  readonly installedKib: number;
};

/** Who builds it: by the variables that Debian's own tools use. */
export function nameMaintainer(): string {
  const { DEBFULLNAME: name, DEBEMAIL: address } = process.env;
  return `${name || "the tsrun authors"} <${address || "tsrun@localhost"}>`;
}

/** DEBIAN/control. */
export function renderControl({ version, architecture, installedKib }: ControlFacts): string {
  return `Package: tsrun
Version: ${version}
Architecture: ${architecture}
Maintainer: ${nameMaintainer()}
Installed-Size: ${installedKib}
Depends: libc6 (>= 2.28), libstdc++6, libgcc-s1, libatomic1
Recommends: criu, libsystemd0, procps, uidmap
Section: admin
Priority: optional
Description: ${programSummary}
 tsrun is an OCI container runtime with the command line of runc, for people
 and for engines: containerd, Docker, Podman, Buildah and CRI-O.
 .
 Errors point into config.json; "tsrun validate" checks one against the
 runtime specification, "tsrun explain" tells what a container would be.
`;
}

/** The changelog in Debian's form: the packages; the changes of tsrun are in a file of their own. */
export function renderChangelog(version: string, date: Date): string {
  // RFC 5322, as dpkg wants it
  const time = date.toUTCString().replace("GMT", "+0000");
  return `tsrun (${version}) unstable; urgency=medium

  * Built from the sources of ${version}; what changed is in CHANGELOG.md.gz.

 -- ${nameMaintainer()}  ${time}
`;
}

type Part = {
  readonly files: string;
  readonly what: string;
  readonly licence: string;
  readonly text: string;
};

const parts: readonly Part[] = [
  { files: "usr/lib/tsrun/engine", what: "Node.js", licence: "Node.js", text: "LICENSES/node.txt" },
  { files: "usr/lib/tsrun/tsrun.node", what: "libseccomp", licence: "LGPL-2.1", text: "" },
  ...(["commander", "zod", "jsonc-parser"] as const).map((name) => ({
    files: "usr/lib/tsrun/engine",
    what: name,
    licence: `MIT-${name}`,
    text: `LICENSES/MIT-${name}.txt`,
  })),
  {
    files: "usr/lib/tsrun/engine",
    what: "pbf",
    licence: "BSD-3-Clause",
    text: "LICENSES/BSD-3-Clause-pbf.txt",
  },
  {
    files: "usr/lib/tsrun/tsrun.node",
    what: "node-addon-api",
    licence: "MIT-node-addon-api",
    text: "LICENSES/MIT-node-addon-api.txt",
  },
];

/** The copyright file: NOTICE, then each licence in full but for those that Debian has in common-licenses. */
export function renderCopyright(read: (file: string) => string): string {
  const sections = parts.map(({ files, what, licence, text }) => {
    const full =
      text === ""
        ? "On Debian systems the full text is in /usr/share/common-licenses/LGPL-2.1."
        : read(text).trimEnd();
    return `\n${"-".repeat(78)}\n${what}, in ${files}: ${licence}\n\n${full}\n`;
  });
  const own = `${read("NOTICE").trimEnd()}

On Debian systems the full text of the Apache License, Version 2.0, is in
/usr/share/common-licenses/Apache-2.0. The texts of the other licences follow.
`;
  return own + sections.join("");
}
