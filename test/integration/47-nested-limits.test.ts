// The runtime in a container of its own, to which its cgroup is delegated.
import t from "tap";

import { shell } from "./support/container.ts";
import { requires } from "./support/host.ts";
import { host, innerBundle, outer, runtimeIn } from "./support/nested.ts";
import { until } from "./support/wait.ts";

t.setTimeout(120_000);

t.test(
  "in a privileged container, with limits of its own",
  { skip: requires("pids") },
  async (t) => {
    const bundle = innerBundle("limited", (config) => {
      config.linux.resources = { pids: { limit: 77 } };
      config.process.args = ["sleep", "1000"];
    });
    const call = outer(t, (config) => host(config, bundle));
    // A cgroup with processes hands no controllers down: all have to be in one below it, the runtime too.
    t.ok(until(() => call(shell("cat /sys/fs/cgroup/init/cgroup.procs")).stdout !== ""));
    const inner = runtimeIn((args) => call(args, ["--cgroup", "init"]));
    t.match(inner("run", "--detach", "--bundle", bundle, "limited"), { status: 0, stderr: "" });
    const found = call(shell("find /sys/fs/cgroup -name pids.max | grep limited | xargs cat"));
    t.equal(found.stdout, "77\n");
    t.match(inner("update", "--pids-limit", "78", "limited"), { status: 0 });
    t.match(inner("pause", "limited"), { status: 0 });
    t.match(inner("state", "limited").stdout, /"status": "paused"/);
    t.match(inner("delete", "--force", "limited"), { status: 0, stderr: "" });
    t.equal(call(shell("find /sys/fs/cgroup -name '*limited*'")).stdout, "");
  },
);
