// run-traced.cjs BUNDLE RESULT NATIVE WORDS...: runs one command line with the traced bundle (traced.ts), as the engine runs its
// own, and writes what was evaluated meanwhile: modules of the bundle and modules of node.
"use strict";

const { readFileSync, writeFileSync } = require("node:fs");
const { Script } = require("node:vm");

const [bundle, result, native, ...words] = process.argv.slice(2);
const script = new Script(readFileSync(bundle, "latin1"), { filename: "engine.cjs" });
globalThis.tsrunNativeDirectory = native;
globalThis.tsrunEvaluated = [];
// The bundle asks for these by name; those that node has loaded by itself cost nothing.
const asked = [];
const ask = (name) => {
  asked.push(name);
  return require(name);
};
const before = new Set(process.moduleLoadList);

function report() {
  const loaded = process.moduleLoadList.filter((name) => !before.has(name));
  writeFileSync(result, JSON.stringify({ evaluated: globalThis.tsrunEvaluated, asked, loaded }));
}

const { dlopen } = process;
process.dlopen = (module, path) => {
  dlopen.call(process, module, path);
  const { exitNow } = module.exports;
  // Every command ends here, with all that it had to load.
  const exitTraced = (code) => {
    report();
    exitNow(code);
  };
  module.exports = { ...module.exports, exitNow: exitTraced };
};
process.argv = [process.execPath, process.execPath, ...words];
const module_ = { exports: {} };
script.runInThisContext()(module_.exports, ask, module_, __filename, __dirname);
