import { existsSync } from "node:fs";
import t, { type Test } from "tap";
import { prepare, shell } from "./support/container.ts";
import { notWith, runcBefore } from "./support/runtime.ts";

const skip =
  !existsSync("/proc/self/numa_maps") && "needs a kernel with CONFIG_NUMA (/proc/self/numa_maps)";
const unknownToSome = runcBefore("1.4", "no memoryPolicy") || notWith("crun", "its own texts");

/** The policy of the first mapping of the container's process, or what went wrong. */
function policyWith(test: Test, memoryPolicy: object): string {
  const c = prepare(test, (config) => {
    config.linux.memoryPolicy = memoryPolicy as typeof config.linux.memoryPolicy;
    config.process.args = shell("head -n 1 /proc/self/numa_maps");
  });
  const { stdout, stderr } = c.run();
  return stdout.split(" ")[1] ?? stderr;
}

t.test("the memory policy is that of the process", { skip: skip || unknownToSome }, async (t) => {
  for (const [memoryPolicy, shown] of [
    [{ mode: "MPOL_BIND", nodes: "0" }, "bind:0"],
    [{ mode: "MPOL_INTERLEAVE", nodes: "0" }, "interleave:0"],
    [{ mode: "MPOL_PREFERRED", nodes: "0" }, "prefer:0"],
    [{ mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_STATIC_NODES"] }, "bind=static:0"],
    [{ mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_RELATIVE_NODES"] }, "bind=relative:0"],
    [{ mode: "MPOL_LOCAL" }, "local"],
    [{ mode: "MPOL_DEFAULT" }, "default"],
  ] as const) {
    t.equal(policyWith(t, memoryPolicy), shown, shown);
  }
});

t.test("a node that is not there is an error", { skip: skip || unknownToSome }, async (t) => {
  t.match(policyWith(t, { mode: "MPOL_BIND", nodes: "900" }), /set_mempolicy|memoryPolicy/);
});
