import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";

const build = join(import.meta.dirname, "../../../build");
const config = JSON.parse(readFileSync(join(build, "engine.json"), "utf8"));

/** Loads the bundle with the code, as the engine does, in a node with these flags. */
function load(life: string, flags: readonly string[]): string {
  const script = `const { readFileSync } = require("node:fs");
    const cachedData = readFileSync(process.argv[2]);
    const source = readFileSync(process.argv[1], "latin1");
    const script = new (require("node:vm").Script)(source, { filename: "engine.cjs", cachedData });
    process.stdout.write(script.cachedDataRejected ? "rejected" : "taken");`;
  const files = [join(build, "engine.cjs"), join(build, `${life}.code`)];
  return spawnSync(process.execPath, [...flags, "-e", script, ...files], { encoding: "utf8" })
    .stdout;
}

for (const life of ["making", "minding"]) {
  t.test(`V8 takes the code for ${life} containers with the engine's flags`, (t) => {
    t.equal(load(life, config.execArgv), "taken");
    t.end();
  });
}

t.test("V8 refuses it with other flags: the flags of build and engine must be the same", (t) => {
  t.equal(load("making", []), "rejected");
  t.end();
});
