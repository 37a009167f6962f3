import t from "tap";

import { inheritedFds, isInherited, listenFds } from "../../../src/stdio/inherited.ts";

t.test("LISTEN_FDS counts only when LISTEN_PID is this process", (t) => {
  t.equal(listenFds({ LISTEN_FDS: "2", LISTEN_PID: "77" }, 77), 2);
  t.equal(listenFds({ LISTEN_FDS: "2", LISTEN_PID: "78" }, 77), 0);
  t.equal(listenFds({ LISTEN_FDS: "2" }, 77), 0);
  t.equal(listenFds({ LISTEN_PID: "77" }, 77), 0);
  t.equal(listenFds({ LISTEN_FDS: "two", LISTEN_PID: "77" }, 77), 0);
  t.end();
});

t.test("a descriptor of node's own is not the caller's", (t) => {
  t.ok(isInherited(1, { TSRUN_FDS: "2" }));
  t.notOk(isInherited(2, { TSRUN_FDS: "2" }));
  t.notOk(isInherited(0, { TSRUN_FDS: "0" }));
  t.end();
});

t.test("a descriptor that is not open is an error", (t) => {
  t.throws(() => inheritedFds(2000), { message: /^unable to stat preserved-fd \d+ \(of 2000\)/ });
  t.same(inheritedFds(0), { listen: 0, preserve: 0 });
  t.end();
});
