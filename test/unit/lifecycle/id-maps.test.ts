import t from "tap";

import { renderMap } from "../../../src/lifecycle/id-maps.ts";
import { isOwnId } from "../../../src/plan/namespaces.ts";

t.test("a map is written as inside, outside, count", (t) => {
  const map = [
    { containerID: 0, hostID: 1000, size: 1 },
    { containerID: 1, hostID: 100000, size: 65536 },
  ];
  t.equal(renderMap(map), "0 1000 1\n1 100000 65536\n");
  t.end();
});

t.test("only one's own id alone can be mapped without help", (t) => {
  t.ok(isOwnId([{ containerID: 0, hostID: 1000, size: 1 }], 1000));
  t.notOk(isOwnId([{ containerID: 0, hostID: 1001, size: 1 }], 1000));
  t.notOk(isOwnId([{ containerID: 0, hostID: 1000, size: 2 }], 1000));
  t.notOk(isOwnId([], 1000));
  t.end();
});
