import { readFileSync } from "node:fs";
import t from "tap";
import { readHostFacts } from "../../../src/host/read.ts";

const facts = readHostFacts({});

t.test("the facts are those of this process and kernel", async (t) => {
  const release = readFileSync("/proc/sys/kernel/osrelease", "utf8");
  t.equal(facts.euid, process.geteuid!());
  t.equal(facts.egid, process.getegid!());
  t.ok(release.startsWith(`${facts.kernel.major}.${facts.kernel.minor}`));
  t.equal(facts.lastCapability, Number(readFileSync("/proc/sys/kernel/cap_last_cap", "utf8")));
});

t.test("rootless follows the flag, or the user", async (t) => {
  t.equal(readHostFacts({ rootless: "true" }).rootless, true);
  t.equal(readHostFacts({ rootless: "false" }).rootless, false);
  t.equal(facts.rootless, facts.euid !== 0 || facts.inUserNamespace);
});

t.test("the initial user namespace maps every id onto itself", async (t) => {
  const map = readFileSync("/proc/self/uid_map", "utf8").trim().split(/\s+/).join(" ");
  t.equal(facts.inUserNamespace, map !== "0 0 4294967295");
  t.equal(facts.setgroupsDenied && !facts.inUserNamespace, false);
});
