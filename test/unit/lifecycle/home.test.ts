import t from "tap";

import { findHome } from "../../../src/lifecycle/home.ts";

const passwd = "root:x:0:0:root:/root:/bin/sh\nweb:x:33:33::/var/www:\nodd:x:7\nnone:x:8:8:::\n";

t.test("the home is the sixth field of the user's line", (t) => {
  t.equal(findHome(passwd, 33), "/var/www");
  t.end();
});

t.test("users that are not there, or have no home, have none", (t) => {
  for (const uid of [1000, 7, 8]) t.equal(findHome(passwd, uid), undefined);
  t.end();
});
