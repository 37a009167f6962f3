// The npm package, as someone installs it: without the network, without scripts, on both Nodes that it supports.
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import t, { type Test } from "tap";
import { prepare, shell, type Config } from "./support/container.ts";
import { execute, onlyTsrun, scratch } from "./support/runtime.ts";

// Kept in step with what npm has of the line.
const node24Version = "24.21.0";
const npmVersions = ["11.19.1", "12.2.0"];

const project = join(import.meta.dirname, "../..");
const packageDirectory = join(project, "build/package");
const home = join(scratch, "program");
const installed = join(home, "node_modules/tsrun");
const bin = join(home, "node_modules/.bin/tsrun");
const environment = Object.fromEntries(
  Object.entries(process.env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && !/^(npm_|NODE_|TSRUN)/.test(entry[0]),
  ),
);

t.setTimeout(300_000);
const skip =
  onlyTsrun("the npm package") ||
  (process.env.TSRUN_LAB_INSIDE !== undefined && "the lab has no npm");

t.test("the npm package", { skip }, async (t) => {
  const tarball = buildPackage();
  install(home, tarball);
  const nodes = [
    { name: "Node 26", node: process.execPath, version: process.version },
    { name: "Node 24", node: provideNode24(), version: `v${node24Version}` },
  ];

  await t.test("wants nothing at install and nothing else installed", async (t) => {
    const manifest = JSON.parse(readFileSync(join(installed, "package.json"), "utf8")) as object;
    t.match(manifest, { name: "tsrun", gypfile: false, license: "Apache-2.0", type: "module" });
    for (const key of ["scripts", "dependencies", "optionalDependencies", "private"]) {
      t.notOk(key in manifest, key);
    }
    for (const name of ["LICENSE", "NOTICE", "LICENSES/LGPL-2.1.txt", "README.md"]) {
      t.ok(existsSync(join(installed, name)), name);
    }
  });

  for (const version of npmVersions) {
    await t.test(`npm ${version} installs it, with nothing to approve or to warn of`, async (t) => {
      const npm = join(provide("npm", version), "bin/npm-cli.js");
      const place = join(scratch, `npm-${version}`);
      const said = install(place, tarball, [process.execPath, npm]);
      t.notMatch(said, /\b(warn|allow-scripts|deprecated)\b/i);
      const { status, stdout } = execute(join(place, "node_modules/.bin/tsrun"), ["--version"], {
        env: { ...environment, PATH: `${dirname(process.execPath)}:${environment.PATH}` },
      });
      t.match({ status, stdout }, { status: 0, stdout: /^tsrun version \d/ });
    });
  }

  for (const { name, node, version } of nodes) {
    await t.test(`${name}: tsrun --version`, async (t) => {
      const { status, stdout, stderr } = execute(node, [bin, "--version"]);
      t.match({ status, stderr }, { status: 0, stderr: "" });
      t.match(stdout, /^tsrun version \d+\.\d+\.\d+/);
      t.match(stdout, `node: ${version}\n`);
      t.match(stdout, /^libseccomp: \d/m);
    });

    await t.test(`${name}: tsrun run`, async (t) => {
      const c = prepare(t, withProgram("echo in $(hostname); exit 7"));
      const args = [bin, "--root", c.root, "run", "--bundle", c.bundle, c.id];
      t.match(execute(node, args), { status: 7, stdout: "in test\n", stderr: "" });
    });

    await t.test(`${name}: a wrong use names tsrun, not node`, async (t) => {
      const { status, stdout, stderr } = execute(node, [bin, "run", "--absent"]);
      t.equal(status, 1);
      t.match(`${stdout}${stderr}`, "flag provided but not defined: -absent");
      t.notMatch(`${stdout}${stderr}`, /\bnode\b/);
    });

    await t.test(`${name}: a program imports the library`, async (t) => {
      t.strictSame(useLibrary(t, node), {
        issues: ["/root:1"],
        steps: true,
        absent: "CONTAINER_NOT_FOUND",
        statuses: ["created", "running", "stopped"],
        listed: true,
        said: "hi\n",
        signal: "SIGKILL",
        left: 0,
      });
    });
  }

  await t.test("init needs no executable bit: an unpacker may have dropped it", async (t) => {
    chmodSync(join(installed, "native/init"), 0o644);
    const c = prepare(t, withProgram("exit 3"));
    const args = [bin, "--root", c.root, "run", "--bundle", c.bundle, c.id];
    t.match(execute(process.execPath, args), { status: 3, stderr: "" });
  });

  await t.test("its types need no other package than Node's", async (t) => {
    const file = join(home, "typed.ts");
    writeFileSync(
      file,
      `import { Runtime, parseSpec, validate, type Container, type CreateOptions, type ExitStatus, type Issue } from "tsrun";
export const issues: Issue[] = validate("{}");
export const host: string | undefined = parseSpec("{}").hostname;
export const make = (options: CreateOptions): Promise<Container> => Runtime.open().create(options);
export async function end(runtime: Runtime, id: string): Promise<number> {
  await using container = await runtime.get(id);
  const status: ExitStatus = await container.wait({ signal: AbortSignal.timeout(1000) });
  return status.reason === "exited" ? status.exitCode : 1;
}
// @ts-expect-error: a number is no configuration
parseSpec(1);
`,
    );
    const tsc = join(project, "node_modules/typescript/bin/tsc");
    const roots = ["--types", "node", "--typeRoots", join(project, "node_modules/@types")];
    const checks = [
      "--ignoreConfig",
      "--noEmit",
      "--strict",
      "--module",
      "nodenext",
      "--target",
      "es2024",
      "--lib",
      "es2024,esnext.disposable",
    ];
    t.match(execute(process.execPath, [tsc, ...checks, ...roots, file], { cwd: home }), {
      status: 0,
      stdout: "",
    });
  });
});

function withProgram(text: string): (config: Config) => void {
  return (config) => (config.process.args = shell(text));
}

/** A life of a container by the library alone, in a process of its own; what it prints. */
function useLibrary(t: Test, node: string): unknown {
  const c = prepare(t, withProgram("sleep 100"));
  const program = join(home, "program.mjs");
  writeFileSync(program, libraryProgram);
  const { status, stdout, stderr } = execute(node, [program, c.root, c.id, c.bundle], {
    cwd: home,
    output: { stdout: join(home, "stdout"), stderr: join(home, "stderr") },
  });
  rmSync(join(home, "stdout"));
  rmSync(join(home, "stderr"));
  if (status !== 0) throw new Error(`the program ended with status ${status}: ${stderr}`);
  return JSON.parse(stdout);
}

const libraryProgram = `import { text } from "node:stream/consumers";
import { explain, parseSpec, renderSteps, Runtime, TsrunError, validate } from "tsrun";
import { readFileSync } from "node:fs";
const [root, id, bundle] = process.argv.slice(2);
const wrong = '{"ociVersion": "1.2.0", "process": {"cwd": "/", "args": ["sh"]}, "root": 3}';
const issues = validate(wrong).filter(({ severity }) => severity === "error");
const config = readFileSync(bundle + "/config.json", "utf8");
const steps = renderSteps(explain(config, { bundle }));
const spec = parseSpec(config);

const runtime = Runtime.open({ root });
let absent;
try {
  await runtime.get(id);
} catch (error) {
  if (error instanceof TsrunError) absent = error.code;
}
const statuses = [];
let listed, status, said;
{
  await using container = await runtime.create({ id, bundle, spec, stdio: { stdout: "pipe" } });
  statuses.push((await container.state()).status);
  await container.start();
  statuses.push((await container.state()).status);
  listed = (await runtime.list()).some((other) => other.id === id);
  const other = await container.exec({ args: ["echo", "hi"], stdio: { stdout: "pipe" } });
  said = await text(other.stdout);
  await container.kill("KILL");
  status = await container.wait();
  statuses.push((await container.state()).status);
}
console.log(JSON.stringify({
  issues: issues.map(({ pointer, line }) => pointer + ":" + line),
  steps: /sleep 100/.test(steps),
  absent, statuses, listed, said, signal: status.signal, left: (await runtime.list()).length,
}));
`;

/** Makes the file that would be published; returns its path. */
function buildPackage(): string {
  expectSuccess("scripts/build package", "sh", [join(project, "scripts/build"), "package"]);
  expectSuccess("npm pack", "npm", ["pack", packageDirectory, "--pack-destination", scratch]);
  const { version } = JSON.parse(readFileSync(join(packageDirectory, "package.json"), "utf8")) as {
    version: string;
  };
  return join(scratch, `tsrun-${version}.tgz`);
}

/** Installs it in a program of its own; returns what npm says. */
function install(place: string, tarball: string, npm: readonly string[] = ["npm"]): string {
  mkdirSync(place);
  writeFileSync(join(place, "package.json"), '{ "private": true }\n');
  // Without what the user has set: it may be unknown to this npm, which then warns.
  const options = ["--userconfig=/dev/null", "--offline", "--no-audit", "--no-fund"];
  const [program, ...words] = [...npm, "install", ...options, tarball];
  return expectSuccess("npm install", program, words, place);
}

function provideNode24(): string {
  return join(provide(`node-linux-${process.arch}`, node24Version), "bin/node");
}

/** The directory of a package that npm has, kept between runs. */
function provide(name: string, version: string): string {
  const cache = join(process.env.TSRUN_CACHE ?? "/var/cache/tsrun", `${name}-${version}`);
  const directory = join(cache, "node_modules", name);
  if (!existsSync(join(directory, "package.json"))) {
    mkdirSync(cache, { recursive: true });
    const options = ["--prefix", cache, "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"];
    const wanted = `${name}@${version}`;
    expectSuccess(wanted, "npm", ["install", ...options, wanted]);
  }
  return resolve(directory);
}

/** Runs a program to its end; returns what it says. */
function expectSuccess(
  what: string,
  program: string,
  args: readonly string[],
  cwd = scratch,
): string {
  const done = execute(program, args, { cwd, env: environment, timeout: 120_000 });
  if (done.status === 0) return `${done.stdout}${done.stderr}`;
  throw new Error(`${what}: status ${done.status}\n${done.stdout}${done.stderr}`);
}
