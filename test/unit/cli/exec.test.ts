import t from "tap";
import { parseUser } from "../../../src/cli/exec.ts";
import { parseCommandLine } from "../../../src/cli/parse.ts";

t.test("--user is UID or UID:GID, as numbers", async (t) => {
  t.same(parseUser("5"), { uid: 5 });
  t.same(parseUser("5:6"), { uid: 5, gid: 6 });
  for (const text of ["", "root", "5:", ":6", "5:6:7", "-1", "4294967295", "1e3"]) {
    t.throws(() => parseUser(text), { code: "USAGE", message: /^bad [ug]id: / }, text);
  }
});

t.test("exec: flags end at the container's name", async (t) => {
  t.match(parseCommandLine(["exec", "-t", "-e", "A=1", "-e=B=2", "c", "ls", "-t", "--", "-e"]), {
    kind: "run",
    args: ["c", "ls", "-t", "--", "-e"],
    flags: { tty: true, env: ["A=1", "B=2"], detach: false, "no-new-privs": undefined },
  });
});

t.test("a flag of which it matters whether it was given", async (t) => {
  const given = (word: string) => parseCommandLine(["exec", word, "c", "ls"]);
  t.match(given("--no-new-privs"), { flags: { "no-new-privs": true } });
  t.match(given("--no-new-privs=false"), { flags: { "no-new-privs": false } });
  t.match(given("--no-new-privs=x"), { kind: "usage" });
});
