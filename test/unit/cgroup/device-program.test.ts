import { closeSync, existsSync, mkdirSync, openSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import {
  allowsEverything,
  compileDeviceProgram,
  simplifyRules,
} from "../../../src/cgroup/device-program.ts";
import { ACCESS_ALL, type DeviceAccess, listDeviceRules } from "../../../src/cgroup/devices.ts";
import { readLayout } from "../../../src/cgroup/layout.ts";
import { native } from "../../../src/native.ts";
import type { DeviceRule } from "../../../src/spec/types.ts";
import { runDeviceProgram, unreachable } from "./device-machine.ts";

type Request = { type: "char" | "block"; major: number; minor: number; access: number };

/** What the rules mean: of those that name the device, the last that names an access decides it. */
function decide(rules: readonly DeviceAccess[], { type, major, minor, access }: Request): boolean {
  return [1, 2, 4]
    .filter((bit) => (access & bit) !== 0)
    .every((bit) => {
      const last = rules.findLast(
        (rule) =>
          rule.type === type &&
          (rule.major === null || rule.major === major) &&
          (rule.minor === null || rule.minor === minor) &&
          (rule.access & bit) !== 0,
      );
      return last?.allow ?? false;
    });
}

function run(program: Uint8Array, { type, major, minor, access }: Request): boolean {
  return (
    runDeviceProgram(program, [
      ((access << 16) | (type === "char" ? 2 : 1)) >>> 0,
      major,
      minor,
    ]) === 1
  );
}

/** A small reproducible generator: the same rules at every run. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const numbers = [0, 1, 3, 8, 0x7fffffff, 0x80000000, 0xffffffff];

function randomRules(random: (below: number) => number): DeviceAccess[] {
  const pick = (): number | null => (random(3) === 0 ? null : numbers[random(numbers.length)]!);
  return Array.from({ length: random(12) }, () => ({
    allow: random(2) === 0,
    type: random(2) === 0 ? "char" : "block",
    major: pick(),
    minor: pick(),
    access: 1 + random(7),
  }));
}

t.test("the program decides as the rules do, for random rules and every access", async (t) => {
  const random = randomNumbers(20260824);
  for (let round = 0; round < 1500; round++) {
    const rules = randomRules(random);
    const program = compileDeviceProgram(simplifyRules(rules));
    const dead = unreachable(program);
    if (dead.length > 0) t.fail(`unreachable instructions ${dead}`, { rules });
    for (let probe = 0; probe < 40; probe++) {
      const request: Request = {
        type: random(2) === 0 ? "char" : "block",
        major: numbers[random(numbers.length)]!,
        minor: numbers[random(numbers.length)]!,
        access: 1 + random(7),
      };
      if (run(program, request) !== decide(rules, request))
        t.fail("decided otherwise", { rules, request });
    }
  }
  t.pass("60000 accesses");
});

const rule = (allow: boolean, text: string): DeviceRule => {
  const [type, numbers, access] = text.split(" ") as [string, string, string];
  const [major, minor] = numbers
    .split(":")
    .map((part) => (part === "*" ? undefined : Number(part)));
  return { allow, type, major, minor, access };
};

/** What a container with these rules may do. */
function policyOf(devices: DeviceRule[] | undefined): (request: string) => boolean {
  const program = compileDeviceProgram(simplifyRules(listDeviceRules({ resources: { devices } })));
  return (request) => {
    const [type, device, letters] = request.split(" ") as [string, string, string];
    const [major, minor] = device.split(":").map(Number) as [number, number];
    const access = [...letters].reduce((bits, letter) => bits | { m: 1, r: 2, w: 4 }[letter]!, 0);
    return run(program, { type: type === "c" ? "char" : "block", major, minor, access });
  };
}

t.test("without any rule only the default devices are open", async (t) => {
  for (const devices of [undefined, [], [rule(false, "a *:* rwm")]]) {
    const may = policyOf(devices);
    for (const device of [
      "1:3",
      "1:5",
      "1:7",
      "1:8",
      "1:9",
      "5:0",
      "5:2",
      "136:0",
      "136:77",
      "10:200",
    ]) {
      t.ok(may(`c ${device} rwm`), device);
    }
    t.ok(may("c 99:1 m"), "any node may be made");
    t.ok(may("b 8:0 m"));
    t.notOk(may("c 99:1 r"), "but not opened");
    t.notOk(may("b 8:0 r"));
    t.notOk(may("b 1:3 r"), "a block device is another device");
    t.notOk(may("c 1:1 r"), "/dev/mem");
    t.notOk(may("c 5:1 w"), "the host's console");
  }
});

t.test("an allowed device is open, as far as it is allowed", async (t) => {
  const may = policyOf([
    rule(false, "a *:* rwm"),
    rule(true, "b 8:* r"),
    rule(true, "c 10:229 rw"),
  ]);
  t.ok(may("b 8:3 r"));
  t.notOk(may("b 8:3 w"));
  t.notOk(may("b 8:3 rw"), "both are asked for, one is allowed");
  t.ok(may("c 10:229 rw"));
});

t.test("accesses allowed by several rules add up", async (t) => {
  const may = policyOf([rule(true, "b 8:3 r"), rule(true, "b 8:* w")]);
  t.ok(may("b 8:3 rw"));
  t.notOk(may("b 8:4 rw"));
});

t.test("a later rule makes a hole in a wildcard", async (t) => {
  const may = policyOf([rule(true, "a *:* rwm"), rule(false, "b 8:0 w")]);
  t.ok(may("b 8:1 rwm"));
  t.ok(may("b 8:0 r"));
  t.notOk(may("b 8:0 w"));
  t.notOk(may("b 8:0 rw"));
});

t.test("the defaults cannot be taken away", async (t) => {
  t.ok(policyOf([rule(false, "c 1:3 rwm")])("c 1:3 rw"));
});

t.test("a default device that config.json defines itself is not given twice", async (t) => {
  const rules = listDeviceRules({
    devices: [{ path: "/dev/null", type: "c", major: 1, minor: 3 }],
  });
  t.notOk(rules.some(({ major, minor }) => major === 1 && minor === 3));
  t.ok(rules.some(({ major, minor }) => major === 1 && minor === 5));
});

t.test("a privileged container needs no program", async (t) => {
  const all = [rule(false, "a *:* rwm"), rule(true, "a *:* rwm")];
  t.ok(allowsEverything(simplifyRules(listDeviceRules({ resources: { devices: all } }))));
  t.ok(
    allowsEverything(
      simplifyRules(listDeviceRules({ resources: { devices: [{ allow: true, access: "rw" }] } })),
    ),
    "mknod is allowed by default",
  );
  t.notOk(
    allowsEverything(
      simplifyRules(listDeviceRules({ resources: { devices: [{ allow: true, access: "r" }] } })),
    ),
  );
  t.notOk(allowsEverything(simplifyRules(listDeviceRules(undefined))));
});

t.test("type, numbers and access may be left out or be -1 for any", async (t) => {
  const any = { allow: true, access: "r", major: -1, minor: -1 };
  t.strictSame(listDeviceRules({ resources: { devices: [any] } }).slice(0, 2), [
    { allow: true, type: "char", major: null, minor: null, access: 2 },
    { allow: true, type: "block", major: null, minor: null, access: 2 },
  ]);
});

t.test("rules that make no sense are refused, with their place", async (t) => {
  const refused: [DeviceRule, string, string][] = [
    [{ allow: true }, "access", "device access cannot be empty"],
    [{ allow: true, access: "" }, "access", "device access cannot be empty"],
    [{ allow: true, access: "rx" }, "access", 'invalid device access "rx"'],
    [{ allow: true, access: "r", type: "p" }, "type", 'invalid cgroup device type "p"'],
    [{ allow: true, access: "r", major: -2 }, "major", "invalid device number -2"],
    [{ allow: true, access: "r", minor: 2 ** 32 }, "minor", "invalid device number 4294967296"],
  ];
  t.strictSame(
    listDeviceRules({ resources: { devices: [{ allow: false, type: "c", access: "rwa" }] } })[0],
    { allow: false, type: "char", major: null, minor: null, access: 6 },
    "but what does not exist need not be denied",
  );
  for (const [device, field, message] of refused) {
    t.throws(() => listDeviceRules({ resources: { devices: [device] } }), {
      code: "CONFIG_INVALID",
      message,
      pointer: `/linux/resources/devices/0/${field}`,
    });
  }
});

t.test("what later rules hide is left out of the program", async (t) => {
  const allow = { allow: true, type: "char", major: 1, minor: 3, access: ACCESS_ALL } as const;
  const { char, block } = simplifyRules([
    allow,
    { ...allow, access: 2 },
    { ...allow, minor: null, allow: false },
    allow,
    allow,
  ]);
  t.strictSame(char, [allow]);
  t.strictSame(block, []);
});

t.test("too many rules for one program are an error", async (t) => {
  const rules = Array.from({ length: 12_000 }, (_, minor): DeviceAccess => ({
    allow: true,
    type: "char",
    major: 9,
    minor: minor * 2,
    access: 2,
  }));
  t.throws(() => compileDeviceProgram({ char: rules, block: [] }), {
    code: "CONFIG_UNSUPPORTED",
    pointer: "/linux/resources/devices",
  });
});

const addon = join(import.meta.dirname, "../../../build/Release");
const layout = readLayout();
const skip =
  process.geteuid!() !== 0
    ? "needs root"
    : layout.mode === "none"
      ? "no cgroup v2 tree"
      : existsSync(join(addon, "tsrun.node"))
        ? false
        : "the addon is not built";

t.test("the kernel takes the program, and replaces it", { skip }, async (t) => {
  globalThis.tsrunNativeDirectory = addon;
  const directory = `${layout.mountpoint}/tsrun-device-test-${process.pid}`;
  mkdirSync(directory);
  t.teardown(() => rmdirSync(directory));
  const cgroup = openSync(directory, 0o10000000);
  t.teardown(() => closeSync(cgroup));
  const random = randomNumbers(7);
  for (let round = 0; round < 200; round++) {
    const program = native().bpfLoadDevice(
      compileDeviceProgram(simplifyRules(randomRules(random))),
      "tsrun_test",
    );
    if (round < 5) native().bpfReplaceDevice(cgroup, program);
    closeSync(program);
  }
  t.pass("200 random programs verified, 5 attached");
});
