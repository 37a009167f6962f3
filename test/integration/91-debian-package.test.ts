// The Debian package: what is in it, and that it runs from where it is unpacked.
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import t from "tap";
import { prepare, shell } from "./support/container.ts";
import { findProgram } from "./support/host.ts";
import { execute, onlyTsrun, scratch } from "./support/runtime.ts";

const project = join(import.meta.dirname, "../..");
const tree = join(scratch, "unpacked");
const program = join(tree, "usr/bin/tsrun");
t.setTimeout(400_000);

const skip =
  onlyTsrun("the Debian package") ||
  (process.env.TSRUN_LAB_INSIDE !== undefined && "it is built outside of the lab") ||
  (findProgram("dpkg-deb") === null && "needs dpkg-deb");

t.test("the Debian package", { skip }, async (t) => {
  const built = execute("sh", [join(project, "scripts/build"), "deb"], { timeout: 300_000 });
  const file = /^(\S+\.deb) is ready$/m.exec(built.stdout)?.[1];
  if (file === undefined) throw new Error(`${built.stdout}${built.stderr}`);
  const archive = join(project, file);
  execute("dpkg-deb", ["--extract", archive, tree], { timeout: 120_000 });

  await t.test("says what it is and what it needs", async (t) => {
    const { stdout } = execute("dpkg-deb", ["--field", archive]);
    const { version } = JSON.parse(readFileSync(join(project, "package.json"), "utf8")) as {
      version: string;
    };
    t.match(stdout, `Package: tsrun\nVersion: ${version}\n`);
    t.match(stdout, /^Depends: .*libatomic1/m);
    t.match(readFileSync(join(tree, "usr/share/doc/tsrun/copyright"), "utf8"), "libseccomp");
    const sums = execute("dpkg-deb", ["--info", archive, "md5sums"]).stdout;
    t.match(sums, "  usr/lib/tsrun/engine\n");
    const page = gunzipSync(readFileSync(join(tree, "usr/share/man/man8/tsrun-run.8.gz")));
    t.match(page.toString(), ".TH TSRUN\\-RUN 8");
    t.ok(existsSync(join(tree, "usr/share/bash-completion/completions/tsrun")));
  });

  await t.test("tsrun --version and spec", async (t) => {
    t.match(execute(program, ["--version"]), {
      status: 0,
      stdout: /^tsrun version \d+\.\d+\.\d+\n/,
      stderr: "",
    });
    const bundle = join(scratch, "bundle-of-package");
    mkdirSync(bundle);
    t.match(execute(program, ["spec", "--bundle", bundle]), { status: 0, stderr: "" });
    t.ok(existsSync(join(bundle, "config.json")));
  });

  await t.test("runs a container", async (t) => {
    const c = prepare(t, (config) => (config.process.args = shell("echo in $(hostname); exit 7")));
    const args = ["--root", c.root, "run", "--bundle", c.bundle, c.id];
    t.match(execute(program, args), { status: 7, stdout: "in test\n", stderr: "" });
  });
});
