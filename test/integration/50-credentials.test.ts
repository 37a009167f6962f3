import { chownSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import type { Capabilities } from "../../src/spec/types.ts";
import type { Config } from "./support/bundle.ts";
import { prepare, shell } from "./support/container.ts";
import { statusFields } from "./support/process.ts";
import { kind, notWith } from "./support/runtime.ts";

/** What /proc/self/status says in a container of this configuration. */
function fields(test: Test, edit: (config: Config) => void) {
  const c = prepare(test, (config) => {
    config.process.args = ["cat", "/proc/self/status"];
    edit(config);
  });
  const done = c.run();
  return { ...done, fields: statusFields(done.stdout) };
}

const KILL = 1n << 5n;
const NET_RAW = 1n << 13n;
const CHOWN = 1n << 0n;
const AUDIT_WRITE = 1n << 29n;

function sets({ CapInh, CapPrm, CapEff, CapBnd, CapAmb }: Record<string, string>) {
  const number = (text: string | undefined) => BigInt(`0x${text}`);
  return {
    inheritable: number(CapInh),
    permitted: number(CapPrm),
    effective: number(CapEff),
    bounding: number(CapBnd),
    ambient: number(CapAmb),
  };
}

t.test("the five capability sets are those of the configuration", async (t) => {
  const capabilities: Capabilities = {
    bounding: ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW", "CAP_AUDIT_WRITE"],
    permitted: ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW"],
    effective: ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW"],
    inheritable: ["CAP_KILL", "CAP_NET_RAW"],
    ambient: ["CAP_KILL"],
  };
  const user = fields(t, (config) => {
    config.process.user = { uid: 1000, gid: 1000 };
    config.process.capabilities = capabilities;
  });
  // The kernel hands a user no more than the ambient ones over exec.
  t.strictSame(sets(user.fields), {
    inheritable: KILL | NET_RAW,
    permitted: KILL,
    effective: KILL,
    bounding: CHOWN | KILL | NET_RAW | AUDIT_WRITE,
    ambient: KILL,
  });
});

t.test("root gets bounding and inheritable over exec", async (t) => {
  const root = fields(t, (config) => {
    const one = ["CAP_KILL"];
    const capabilities = { bounding: ["CAP_KILL", "CAP_CHOWN"], permitted: one, effective: one };
    config.process.capabilities = capabilities;
    config.process.noNewPrivileges = false;
  });
  t.equal(sets(root.fields).bounding, KILL | CHOWN);
  t.equal(sets(root.fields).effective, KILL | CHOWN);
  t.equal(sets(root.fields).ambient, 0n);
});

t.test("no capabilities at all", { skip: notWith("runc", "1.1 keeps those it has") }, async (t) => {
  for (const capabilities of [{}, undefined]) {
    const done = fields(t, (config) => {
      if (capabilities === undefined) Reflect.deleteProperty(config.process, "capabilities");
      else config.process.capabilities = capabilities;
    });
    t.strictSame(new Set(Object.values(sets(done.fields))), new Set([0n]));
  }
});

t.test(
  "a capability that nobody knows is left out with a warning",
  { skip: notWith("crun", "warns only in debug") },
  async (t) => {
    const done = fields(t, (config) => {
      config.process.capabilities!.bounding!.push("CAP_FROBNICATE");
      config.process.capabilities!.permitted!.push("CAP_FROBNICATE");
    });
    t.equal(done.status, 0);
    t.match(done.stderr, /level=warning.*CAP_FROBNICATE/);
    t.notMatch(done.stderr, "level=error");
    t.not(sets(done.fields).permitted, 0n);
  },
);

t.test("an ambient capability that is not inheritable is a warning", async (t) => {
  const done = fields(t, (config) => (config.process.capabilities!.ambient = ["CAP_KILL"]));
  t.equal(done.status, 0);
  if (kind === "tsrun") t.match(done.stderr, "can't raise ambient capability CAP_KILL: ");
  t.equal(sets(done.fields).ambient, 0n);
});

t.test("noNewPrivileges", async (t) => {
  for (const on of [true, false]) {
    const done = fields(t, (config) => (config.process.noNewPrivileges = on));
    t.equal(done.fields.NoNewPrivs, on ? "1" : "0");
  }
});

t.test("user, group and additional groups", async (t) => {
  const done = fields(t, (config) => {
    config.process.user = { uid: 1234, gid: 4321, additionalGids: [10, 4321, 99] };
  });
  t.equal(done.fields.Uid, "1234\t1234\t1234\t1234");
  t.equal(done.fields.Gid, "4321\t4321\t4321\t4321");
  t.equal(done.fields.Groups?.trim(), "10 99 4321");
});

t.test("without additional groups there are none", async (t) => {
  for (const uid of [0, 1000]) {
    const done = fields(t, (config) => (config.process.user = { uid, gid: uid }));
    t.equal(done.fields.Groups?.trim(), "");
  }
});

t.test("umask: 0022 by default, or as configured", async (t) => {
  for (const [umask, expected] of [
    [undefined, "0022"],
    [0o77, "0077"],
    [0, "0000"],
  ] as const) {
    const done = fields(t, (config) => {
      if (umask !== undefined) config.process.user!.umask = umask;
    });
    t.equal(done.fields.Umask, expected);
  }
});

t.test(
  "the umask of the caller does not matter",
  { skip: notWith("runc", "1.1 makes directories with it") },
  async (t) => {
    const c = prepare(t, (config) => {
      config.mounts.push({ destination: "/a/b", type: "tmpfs", source: "tmpfs" });
      config.process.args = ["stat", "-c", "%a", "/a"];
    });
    const before = process.umask(0o77);
    const done = c.run();
    process.umask(before);
    t.match(done, { status: 0, stdout: "755\n" });
  },
);

t.test("stdout belongs to the user and can be opened again", async (t) => {
  const c = prepare(t, (config) => {
    config.process.user = { uid: 1000, gid: 1000 };
    config.process.args = shell("echo again >/proc/self/fd/1; echo error >/dev/stderr");
  });
  t.match(c.run(), { status: 0, stdout: "again\n", stderr: "error\n" });
});

t.test("a directory that only the user may enter is a working directory", async (t) => {
  const c = prepare(t, (config) => {
    config.process.user = { uid: 1000, gid: 1000 };
    config.process.cwd = "/own";
    config.process.args = ["pwd"];
    config.process.capabilities = {};
  });
  mkdirSync(join(c.rootfs, "own"), { mode: 0o700 });
  chownSync(join(c.rootfs, "own"), 1000, 1000);
  t.match(c.run(), { status: 0, stdout: "/own\n" });
});

t.test("ids out of range are refused", async (t) => {
  for (const user of [
    { uid: 4294967295, gid: 0 },
    { uid: -1, gid: 0 },
    { uid: 0, gid: 2 ** 33 },
  ]) {
    t.equal(fields(t, (config) => (config.process.user = user)).status, 1, JSON.stringify(user));
  }
});
