// What init still calls once the seccomp profile is there: exactly what docs/hardening.md lists.
import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { prepare, type Container } from "./support/container.ts";
import { compileFixture } from "./support/probe.ts";
import { kind, notWith } from "./support/runtime.ts";

const init = join(import.meta.dirname, "../../native/init");
const options = ["-nostdlib", "-ffreestanding", "-fno-stack-protector", `${init}/start.c`];
const minimal = compileFixture("minimal", options);

/** The names after a dash and these words. */
function listed(words: string): string[] {
  const page = readFileSync(join(import.meta.dirname, "../../docs/hardening.md"), "utf8");
  const line = page.split("\n").find((line) => line.startsWith(`- ${words}:`));
  return [...(line ?? "").slice(words.length).matchAll(/`(\w+)`/g)].map(([, name]) => name!);
}

/** A container that is killed by anything but these calls, and the two of its program. */
function confine(t: Test, names: readonly string[], noNewPrivileges: boolean): Container {
  const c = prepare(t, (config) => {
    config.process.noNewPrivileges = noNewPrivileges;
    config.process.user = { uid: 1000, gid: 1000 };
    config.process.args = ["/minimal"];
    config.linux.seccomp = {
      defaultAction: "SCMP_ACT_KILL_PROCESS",
      // What is newer than all that a profile names is not killed but not there; this one is new.
      syscalls: [
        {
          names: [...names, "exit_group", "landlock_restrict_self"],
          action: "SCMP_ACT_ALLOW",
        },
      ],
    };
  });
  copyFileSync(minimal, join(c.rootfs, "minimal"));
  return c;
}

for (const [words, noNewPrivileges] of [
  ["with `noNewPrivileges`", true],
  ["without it", false],
] as const) {
  const names = listed(words);
  const other = notWith("runc", "calls more") || notWith("crun", "calls others");

  t.test(
    `${words} a profile need allow no more than the page lists`,
    { skip: other },
    async (t) => {
      t.ok(names.length >= 4, names.join(" "));
      t.match(confine(t, names, noNewPrivileges).run(), { status: 0, stdout: "ran\n" });
      const c = confine(t, names, noNewPrivileges);
      t.equal(c.create().status, 0, c.stderr());
      t.equal(c.start().status, 0);
      t.ok(c.waitFor("stopped"));
      t.equal(c.stdout(), "ran\n");
    },
  );

  t.test(`${words} it has to allow each of them`, { skip: other }, async (t) => {
    // What the program itself needs, and what makes a container fail that none has yet, says nothing.
    for (const name of names.filter((name) => name !== "write")) {
      const fewer = names.filter((other) => other !== name);
      const { status, stdout } = confine(t, fewer, noNewPrivileges).run([], { timeout: 20_000 });
      t.not(status, 0, name);
      t.equal(stdout, "", name);
    }
  });
}

t.test("a profile does not outlive the start that it forbids", async (t) => {
  const c = confine(t, ["read", "write", "close"], true);
  const { status, stdout } = c.run([], { timeout: 20_000 });
  t.not(status, 0);
  t.not(status, null, "it ends");
  t.equal(stdout, "");
  if (kind === "tsrun") t.equal(c.call(["state", c.id]).status, 1);
});
