import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import t, { type Test } from "tap";
import { prepare, shell } from "./support/container.ts";
import { findProgram } from "./support/host.ts";
import { notWith, runcBefore } from "./support/runtime.ts";

let counter = 0;
const trouble =
  (findProgram("ip") === null && "needs ip (package iproute2)") ||
  (!existsSync("/dev/net/tun") && "needs tap devices (/dev/net/tun)");
const skip = trouble || runcBefore("1.4", "no netDevices") || notWith("crun", "not compared yet");

/** A device of the host with addresses; removed at the end, wherever it is by then. */
function makeDevice(test: Test): string {
  counter += 1;
  const name = `ts${process.pid % 100_000}x${counter}`;
  const ip = (...args: string[]) => execFileSync("ip", args, { stdio: "ignore" });
  ip("tuntap", "add", "dev", name, "mode", "tap");
  ip("addr", "add", "10.77.0.2/24", "dev", name);
  ip("addr", "add", "fd77::2/64", "dev", name, "nodad");
  ip("addr", "add", "169.254.7.7/16", "dev", name, "scope", "link");
  test.teardown(() => {
    try {
      ip("link", "del", name);
    } catch {
      // it ended with the container's namespace
    }
  });
  return name;
}

t.test("a device is moved, renamed, keeps its global addresses and is up", { skip }, async (t) => {
  const name = makeDevice(t);
  const c = prepare(t, (config) => {
    config.linux.netDevices = { [name]: { name: "inner0" } };
    config.process.args = shell("ip addr show inner0");
  });
  const { stdout, stderr } = c.run();
  t.match(stdout, /inner0: <.*\bUP\b/, stderr);
  t.match(stdout, "inet 10.77.0.2/24");
  t.match(stdout, "inet6 fd77::2/64");
  t.notMatch(stdout, "169.254.7.7");
});

t.test("it keeps its name when no other is given", { skip }, async (t) => {
  const name = makeDevice(t);
  const c = prepare(t, (config) => {
    config.linux.netDevices = { [name]: {} };
    config.process.args = shell(`ip addr show ${name}`);
  });
  t.match(c.run().stdout, "10.77.0.2");
});

t.test("a device that is not there, and a name that is taken, are errors", { skip }, async (t) => {
  const name = makeDevice(t);
  for (const netDevices of [{ absent0: {} }, { [name]: { name: "lo" } }]) {
    const c = prepare(t, (config) => {
      config.linux.netDevices = netDevices;
    });
    const { status, stderr } = c.run();
    t.equal(status, 1);
    t.match(stderr, Object.keys(netDevices)[0]!);
    t.match(execFileSync("ip", ["addr", "show", name], { encoding: "utf8" }), "10.77.0.2", "stays");
  }
});
