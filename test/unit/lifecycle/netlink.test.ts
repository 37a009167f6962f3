import t from "tap";

import { encodeRequest } from "../../../src/lifecycle/netlink.ts";

t.test("a request is header, fixed part and padded attributes", (t) => {
  const request = encodeRequest({
    type: 18,
    fixed: new Uint8Array(16),
    attributes: [[3, Buffer.from("lo\0")]],
  });
  const expected = Buffer.concat([
    Buffer.from([40, 0, 0, 0, 18, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    Buffer.alloc(16),
    Buffer.from([7, 0, 3, 0, 0x6c, 0x6f, 0, 0]),
  ]);
  t.same(Buffer.from(request), expected);
  t.end();
});
