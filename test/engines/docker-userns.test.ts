import { chmodSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { scratch } from "../integration/support/runtime.ts";
import { begin } from "./support/begin.ts";
import { leftStates, startDocker } from "./support/docker.ts";
import { imageName } from "./support/image.ts";

begin(t, { dockerd: ["--version"], docker: ["--version"], containerd: ["--version"] });
// the lab's own files: they are gone with it
for (const file of ["/etc/subuid", "/etc/subgid"]) writeFileSync(file, "daemon:100000:65536\n");
// root of the containers has to get to the layers
chmodSync(scratch, 0o711);
const engine = startDocker(t, { config: { "userns-remap": "daemon" } });
const { docker, run, inspect } = engine;

t.test("with userns-remap root of a container is nobody on the host", async (t) => {
  const shared = join(scratch, "shared");
  writeFileSync(shared, "");
  chmodSync(shared, 0o666);
  const limits = ["--memory", "64m", "--pids-limit", "50", "--hostname", "called"];
  limits.push("--sysctl", "net.ipv4.ip_unprivileged_port_start=80", "--tmpfs", "/t");
  engine.begin("remapped", [...limits, "--volume", `${shared}:/shared`]);
  const show =
    "id -u; cat /proc/self/uid_map; hostname; cat /sys/fs/cgroup/pids.max; touch /own /t/own; echo x > /shared";
  const { status, stdout } = docker(["exec", "remapped", "sh", "-c", show]);
  t.match({ status, stdout }, { status: 0, stdout: /^0\n +0 +100000 +65536\ncalled\n50\n$/ });
  t.equal(statSync(`/proc/${inspect("remapped", "{{.State.Pid}}")}`).uid, 100_000);
  t.equal(statSync(shared).size, 2);
});

t.test("another user of it is mapped too, and gets a terminal", async (t) => {
  const exec = `docker exec -it --user 1000 remapped sh -c 'id -u; stty size; stat -c %u $(tty)'`;
  t.match(engine.onTerminal(exec).stdout, /1000\r\n30 100\r\n/);
  const ran = engine.onTerminal(
    `docker run --rm --network none -it --user 1000 ${imageName} sh -c 'id -u; stty size; tty'`,
  );
  t.match(ran.stdout, /1000\r\n30 100\r\n\/dev\/pts\/0\r\n/);
});

t.test("--userns host keeps the host's ids, and shared namespaces work", async (t) => {
  const host = run(["--userns", "host", imageName, "cat", "/proc/self/uid_map"]);
  t.match(host.stdout, /^ +0 +0 +4294967295\n$/);
  const flags = ["--rm", "--pid", "container:remapped", "--network", "container:remapped"];
  t.match(docker(["run", ...flags, imageName, "ps"]).stdout, /sleep 1000/);
});

t.test("it stops and goes like any other", async (t) => {
  t.equal(docker(["rm", "--force", "remapped"]).status, 0);
  t.same(leftStates(engine), []);
});
