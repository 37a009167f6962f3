import t from "tap";

import { hintFor, lastErrors } from "../../../src/criu/log.ts";

const log = `(00.001) Found task size of 7ffffffff000
(00.213043) Error (criu/util.c:1534): rlimit: Can't setup RLIMIT_NOFILE for self: Operation not permitted
Error (criu/util.c:642): execvp("iptables-restore", ...) failed: No such file or directory
(00.244116) Error (criu/util.c:657): exited, status=1
(01.106811)      1: Error (criu/mount.c:2955): mnt: Can't create a temporary directory
(00.244117) Error (criu/util.c:657): exited, status=1
(00.362305) Error (criu/cr-dump.c:1975): Dumping FAILED.
`;

t.test("the last error lines, each once, without time and place in the source", (t) => {
  t.strictSame(lastErrors(log), [
    "exited, status=1",
    "mnt: Can't create a temporary directory",
    "Dumping FAILED.",
  ]);
  t.strictSame(lastErrors("(00.1) Warn  (criu/x.c:1): Error in name\n"), []);
  t.strictSame(lastErrors(""), []);
  t.end();
});

t.test("what is often met comes with a hint", (t) => {
  t.match(hintFor(log), /network-lock/);
  t.match(hintFor("Error (x): vdso: Unexpected rt vDSO area bounds"), /newer/);
  t.match(hintFor("Error (x): kcmp failed: Function not implemented"), /CHECKPOINT_RESTORE/);
  t.match(hintFor("Error (x): Unable to open tty-info.img: Permission denied"), /chmod o\+x/);
  t.equal(hintFor("Error (x): something else"), undefined);
  t.end();
});
