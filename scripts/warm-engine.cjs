// warm-engine.cjs BUNDLE CODE [LIFE NATIVE DIRECTORY]: runs the engine's bundle and writes the code that V8
// has made of it: of what is known to be needed, and of no more, as V8 compiles a function when it is first called.
// DIRECTORY holds a container's bundle. Without it nothing but the bundle's outermost code is compiled. A command
// that fails, because whoever builds may make no containers, leaves what comes after it to be compiled at run time.
"use strict";

const { readFileSync, writeFileSync } = require("node:fs");
const { Script } = require("node:vm");

const [bundle, code, life, native, directory] = process.argv.slice(2);
const script = new Script(readFileSync(bundle, "latin1"), { filename: "engine.cjs" });

const of = (...words) => ["--root", `${directory}/state`, ...words];
const create = (id) => of("create", "--bundle", directory, id);
const clear = (id) => of("delete", "--force", id);

/** Command lines whose code is wanted: of the commands that make processes, then of those that mind them. */
const lives = {
  making: [
    create("a"),
    of("exec", "a", "/init"),
    of("run", "--bundle", directory, "c"),
    create("b"),
  ],
  minding: [
    of("state", "a"),
    of("list"),
    of("kill", "a", "KILL"),
    clear("a"),
    of("start", "b"),
    clear("b"),
  ],
};

async function warm() {
  globalThis.tsrunNativeDirectory = native;
  const { dlopen } = process;
  process.dlopen = (module, path) => {
    dlopen.call(process, module, path);
    // The end of a command is not the end of this process.
    module.exports = { ...module.exports, exitNow() {} };
  };
  process.argv = [process.execPath, process.execPath, "--version"];
  const module = { exports: {} };
  script.runInThisContext()(module.exports, require, module, __filename, __dirname);
  for (const command of lives[life]) await module.exports.main(command);
}

const save = () => writeFileSync(code, script.createCachedData());
if (directory === undefined) save();
else void warm().finally(save);
