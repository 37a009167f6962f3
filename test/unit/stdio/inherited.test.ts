import t from "tap";

import { inheritedFds, listenFds } from "../../../src/stdio/inherited.ts";

t.test("LISTEN_FDS counts only when LISTEN_PID is this process", (t) => {
  t.equal(listenFds({ LISTEN_FDS: "2", LISTEN_PID: "77" }, 77), 2);
  t.equal(listenFds({ LISTEN_FDS: "2", LISTEN_PID: "78" }, 77), 0);
  t.equal(listenFds({ LISTEN_FDS: "2" }, 77), 0);
  t.equal(listenFds({ LISTEN_PID: "77" }, 77), 0);
  t.equal(listenFds({ LISTEN_FDS: "two", LISTEN_PID: "77" }, 77), 0);
  t.end();
});

t.test(
  "a descriptor that the caller did not pass is missing, even where node has one of that number",
  (t) => {
    t.throws(() => inheritedFds(200), { message: /^unable to stat preserved-fd \d+ \(of 200\)/ });
    t.same(inheritedFds(0), { listen: 0, preserve: 0 });
    t.end();
  },
);
