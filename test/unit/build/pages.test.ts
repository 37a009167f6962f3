// Man pages and completions, as the Debian package has them.
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";

import { renderBash, renderFish, renderZsh } from "../../../scripts/deb/completions.ts";
import { renderManPages } from "../../../scripts/deb/man-pages.ts";
import { commands } from "../../../src/cli/program.ts";

const pages = renderManPages({ version: "1.2.3", date: "2026-01-02" });
const has = (program: string): boolean => spawnSync(program, ["--version"]).error === undefined;
const needs = (program: string): string | false => !has(program) && `needs ${program}`;

t.test("there is a page for the program and for each command", async (t) => {
  const names = ["tsrun", ...commands.map(({ name }) => `tsrun-${name}`)];
  t.strictSame(
    pages.map(({ name }) => name),
    names.map((name) => `${name}.8`),
  );
});

t.test("pages have every option that the help shows", async (t) => {
  for (const { name, flags } of commands) {
    const { text } = pages.find((page) => page.name === `tsrun-${name}.8`)!;
    for (const flag of flags) {
      const shown = text.includes(`\\fB\\-\\-${flag.name.replaceAll("-", "\\-")}\\fR`);
      t.equal(shown, !("hidden" in flag), `${name} --${flag.name}`);
    }
  }
});

t.test("groff has no complaint about the pages", { skip: needs("groff") }, async (t) => {
  const input = pages.map(({ text }) => text).join("");
  const { status, stdout, stderr } = spawnSync("groff", ["-man", "-ww", "-Tutf8"], {
    input,
    encoding: "utf8",
  });
  t.match({ status, stderr }, { status: 0, stderr: "" });
  t.match(stdout, "create a container and start it");
});

t.test(
  "bash completes commands, options, and containers of the state root",
  { skip: needs("bash") },
  async (t) => {
    t.same(complete(t, "tsrun", "cre"), ["create"]);
    t.same(complete(t, "tsrun", "create", "--con"), ["--config", "--console-socket"]);
    t.same(complete(t, "tsrun", "kill", "we"), ["web1", "web2"]);
    t.same(complete(t, "tsrun", "--root", "/x", "start", ""), ["of-/x"]);
    t.same(complete(t, "tsrun", "--root", "=", "/y", "start", ""), ["of-/y"]);
    t.same(complete(t, "tsrun", "help", "upd"), ["update"]);
  },
);

t.test("zsh reads its completion", { skip: needs("zsh") }, async (t) => {
  t.match(check(t, "zsh", renderZsh()), { status: 0, stderr: "" });
});

t.test("fish reads its completion", { skip: needs("fish") }, async (t) => {
  t.match(check(t, "fish", renderFish()), { status: 0, stderr: "" });
});

function complete(t: Test, ...words: string[]): string[] {
  const script = `${renderBash()}
tsrun() { if [[ $1 == --root ]]; then echo "of-$2"; else printf '%s\\n' web1 web2 db; fi; }
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tsrun; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync("bash", ["-c", script, "bash", ...words], {
    encoding: "utf8",
  });
  t.equal(stderr, "");
  return stdout.trimEnd().split("\n");
}

function check(t: Test, shell: string, text: string): { status: number | null; stderr: string } {
  const file = join(t.testdir(), "completion");
  writeFileSync(file, text);
  const { status, stderr } = spawnSync(shell, ["-n", file], { encoding: "utf8" });
  return { status, stderr };
}
