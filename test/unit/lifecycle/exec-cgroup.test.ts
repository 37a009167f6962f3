import t from "tap";
import { parseCgroupFlags } from "../../../src/lifecycle/exec-cgroup.ts";

t.test("--cgroup is one path on cgroup v2", async (t) => {
  t.equal(parseCgroupFlags([]), undefined);
  t.equal(parseCgroupFlags(["a/b"]), "a/b");
  t.throws(() => parseCgroupFlags(["a", "b"]), { message: /a \(missing <controller>: prefix\)/ });
});

t.test("--cgroup with controllers is for cgroup v1", async (t) => {
  t.throws(() => parseCgroupFlags(["cpu,memory:a"]), { message: /unknown controller cpu / });
  t.throws(() => parseCgroupFlags([":a"]), { message: /:a \(empty <controller> prefix\)/ });
  t.throws(() => parseCgroupFlags(["cpu,:a"]), { message: /empty <controller> prefix/ });
  t.throws(() => parseCgroupFlags(["cpu:a", "b"]), { message: /b \(missing <controller>/ });
});
