// The engine's main script: runs the bundle, with the code that V8 made of it while the build ran it.
"use strict";

const { getRawAsset } = require("node:sea");
const { Script } = require("node:vm");

// The bundle is ASCII (the build checks that), so its bytes are its characters.
const source = Buffer.from(getRawAsset("bundle")).latin1Slice();
// Taking in code costs, too: commands that make no process get what they need and no more.
const makes = process.argv.some((word) => word === "create" || word === "run" || word === "exec");
const cachedData = new Uint8Array(getRawAsset(makes ? "making" : "minding"));
const script = new Script(source, { filename: "engine.cjs", cachedData });
const module_ = { exports: {} };
script.runInThisContext()(module_.exports, require, module_, __filename, __dirname);
