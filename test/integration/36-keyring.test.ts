import { chmodSync } from "node:fs";
import t from "tap";
import { prepare, type Config } from "./support/container.ts";
import { notWith, scratch } from "./support/runtime.ts";

chmodSync(scratch, 0o711); // the root of a user namespace has to get through
const skip = notWith("crun", "names it otherwise");

t.test("a container has a session keyring of its own, named after it", { skip }, async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["cat", "/proc/keys"]));
  t.match(c.run(), { status: 0, stderr: "" });
  t.ok(hasKeyring(c, c.id));
});

t.test("also in a user namespace, and for another user", { skip }, async (t) => {
  const c = prepare(t, (config) => {
    mapped(config);
    config.process.user = { uid: 1000, gid: 1000 };
    config.process.args = ["cat", "/proc/keys"];
  });
  t.match(c.run(), { status: 0, stderr: "" });
  t.ok(hasKeyring(c, c.id));
});

t.test("with --no-new-keyring it keeps the caller's", { skip }, async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["cat", "/proc/keys"]));
  t.match(c.run(["--no-new-keyring"]), { status: 0, stderr: "" });
  t.notOk(hasKeyring(c, c.id));
});

t.test("two containers do not share one", { skip }, async (t) => {
  const edit = (config: Config) => (config.process.args = ["cat", "/proc/keys"]);
  const [first, second] = [prepare(t, edit), prepare(t, edit)];
  first.run();
  second.run();
  t.ok(hasKeyring(first, first.id));
  t.notOk(hasKeyring(first, second.id));
  t.ok(hasKeyring(second, second.id));
  t.notOk(hasKeyring(second, first.id));
});

/** Whether the container listed the session keyring of this id; root sees those of other containers, too. */
function hasKeyring({ stdout }: { stdout(): string }, id: string): boolean {
  return stdout().includes(` _ses.${id}:`);
}

function mapped(config: Config): void {
  const map = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
  config.linux.namespaces.push({ type: "user" });
  Object.assign(config.linux, { uidMappings: map, gidMappings: map });
}
