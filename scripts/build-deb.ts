// The Debian package in build/: what dist/ has, with man pages and completions made from the command table.
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { execute, filesBelow, hash, identify, root, runStep } from "./build-step.ts";
import { renderBash, renderFish, renderZsh } from "./deb/completions.ts";
import { nameMaintainer, renderChangelog, renderControl, renderCopyright } from "./deb/control.ts";
import { renderManPages } from "./deb/man-pages.ts";

const tree = "build/deb";
const documents = "usr/share/doc/tsrun";

/** Makes the package of dist/, if anything of it has changed; returns the name of its file. */
export function buildDeb(): string {
  const { version } = JSON.parse(read("package.json")) as { version: string };
  const architecture = process.arch === "x64" ? "amd64" : "arm64";
  const file = `build/tsrun_${version}_${architecture}.deb`;
  runStep({
    name: "deb",
    fingerprint: () =>
      hash(
        inputs(),
        ...filesBelow("dist", /./).map(identify),
        dateOfRelease(),
        nameMaintainer(),
        version,
      ),
    outputs: [file],
    run: () => {
      fillTree(version, architecture);
      // The engine is most of it, and hardly smaller by a slower method.
      execute("dpkg-deb", ["--root-owner-group", "-Zxz", "-z1", "--build", tree, file]);
    },
  });
  return file;
}

function inputs(): string[] {
  return [
    ...filesBelow("src/cli", /\.ts$/),
    ...filesBelow("scripts/deb", /./),
    ...filesBelow("LICENSES", /./),
    "NOTICE",
    "README.md",
    "CHANGELOG.md",
    "scripts/build-deb.ts",
  ];
}

function fillTree(version: string, architecture: string): void {
  rmSync(join(root, tree), { recursive: true, force: true });
  copyPrograms();
  for (const { name, text } of renderManPages({ version, date: dateOfRelease() })) {
    writeCompressed(`usr/share/man/man8/${name}.gz`, text);
  }
  write("usr/share/bash-completion/completions/tsrun", renderBash());
  write("usr/share/zsh/vendor-completions/_tsrun", renderZsh());
  write("usr/share/fish/vendor_completions.d/tsrun.fish", renderFish());
  write(`${documents}/copyright`, renderCopyright(read));
  write(`${documents}/README.md`, read("README.md"));
  writeCompressed(`${documents}/CHANGELOG.md.gz`, read("CHANGELOG.md"));
  writeCompressed(`${documents}/changelog.gz`, renderChangelog(version, timeOfRelease()));
  write("usr/share/lintian/overrides/tsrun", read("scripts/deb/lintian-overrides"));
  write("DEBIAN/control", renderControl({ version, architecture, installedKib: sizeOf() }));
  write("DEBIAN/md5sums", checksums());
}

function copyPrograms(): void {
  const programs = [
    { from: "dist/tsrun", to: "usr/bin/tsrun", mode: 0o755 },
    { from: "dist/lib/tsrun/engine", to: "usr/lib/tsrun/engine", mode: 0o755 },
    { from: "dist/lib/tsrun/init", to: "usr/lib/tsrun/init", mode: 0o755 },
    { from: "dist/lib/tsrun/prefault.so", to: "usr/lib/tsrun/prefault.so", mode: 0o644 },
    { from: "dist/lib/tsrun/tsrun.node", to: "usr/lib/tsrun/tsrun.node", mode: 0o644 },
  ];
  for (const { from, to, mode } of programs) {
    makeParents(to);
    cpSync(join(root, from), join(root, tree, to));
    chmodSync(join(root, tree, to), mode);
  }
}

/** The day of SOURCE_DATE_EPOCH, as reproducible builds have it, or of the last change. */
function dateOfRelease(): string {
  return timeOfRelease().toISOString().slice(0, 10);
}

function timeOfRelease(): Date {
  const epoch = process.env.SOURCE_DATE_EPOCH;
  return new Date(epoch ? Number(epoch) * 1000 : statSync(join(root, "CHANGELOG.md")).mtimeMs);
}

function sizeOf(): number {
  const files = filesBelow(join(tree, "usr"), /./);
  return Math.ceil(files.reduce((sum, file) => sum + statSync(join(root, file)).size, 0) / 1024);
}

function checksums(): string {
  const files = filesBelow(join(tree, "usr"), /./);
  const sums = execute("md5sum", files);
  return sums.replaceAll(`${tree}/`, "");
}

function read(file: string): string {
  return readFileSync(join(root, file), "utf8");
}

function write(path: string, content: string | Uint8Array): void {
  makeParents(path);
  const file = join(root, tree, path);
  writeFileSync(file, content);
  chmodSync(file, 0o644);
}

/** Without a time in it, so that the same pages give the same file. */
function writeCompressed(path: string, text: string): void {
  write(path, gzipSync(text, { level: 9 }));
}

function makeParents(path: string): void {
  const directory = dirname(join(root, tree, path));
  mkdirSync(directory, { recursive: true, mode: 0o755 });
}
