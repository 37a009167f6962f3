import t from "tap";

import { checkContainerId } from "../../../src/state/id.ts";

for (const id of ["a", "web-1", "a.b_c+d", "-x", ".hidden", "...", "x".repeat(255)]) {
  t.test(`${id.slice(0, 10)} is an id`, (t) => {
    t.doesNotThrow(() => checkContainerId(id));
    t.end();
  });
}

for (const id of [".", "..", "a/b", "../x", "a b", "a\n", "é", "x".repeat(256)]) {
  t.test(`${JSON.stringify(id.slice(0, 10))} is no id`, (t) => {
    t.throws(() => checkContainerId(id), {
      code: "CONTAINER_ID",
      message: "invalid container ID format",
    });
    t.end();
  });
}

t.test("an empty id is named as such", (t) => {
  t.throws(() => checkContainerId(""), { message: "container id cannot be empty" });
  t.end();
});
