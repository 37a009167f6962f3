import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { scratch } from "../integration/support/runtime.ts";
import { begin } from "./support/begin.ts";
import { eventually, leftCgroups, leftStates, startDocker } from "./support/docker.ts";
import { imageName } from "./support/image.ts";

begin(t, { dockerd: ["--version"], docker: ["--version"], containerd: ["--version"] });
const engine = startDocker(t);
const { docker, inspect, becomes } = engine;

const script = `trap 'echo got USR1' USR1; trap 'exit 3' TERM; echo begins
while :; do sleep 1000 & wait $!; done`;
const id = engine.begin("one", ["--memory", "32m", "--memory-swap", "64m"], ["sh", "-c", script]);

t.test("docker logs shows what it writes", async (t) => {
  t.ok(eventually(() => docker(["logs", "one"]).stdout === "begins\n"));
});

t.test(
  "docker exec has stdin, both outputs, an exit status, and its own user, place and variables",
  async (t) => {
    const flags = ["-i", "--user", "1000", "--workdir", "/tmp", "--env", "A=b"];
    const words = ["sh", "-c", "id -u; pwd; echo $A; cat; echo problem >&2; exit 5"];
    const executed = docker(["exec", ...flags, "one", ...words], { input: "given\n" });
    t.match(executed, { status: 5, stdout: "1000\n/tmp\nb\ngiven\n", stderr: "problem\n" });
    t.equal(docker(["exec", "--detach", "one", "touch", "/made"]).status, 0);
    t.ok(eventually(() => docker(["exec", "one", "test", "-e", "/made"]).status === 0));
  },
);

t.test("docker pause freezes the container, unpause goes on", async (t) => {
  t.equal(docker(["pause", "one"]).status, 0);
  t.equal(inspect("one", "{{.State.Status}}"), "paused");
  t.equal(readCgroup("cgroup.freeze"), "1");
  t.equal(docker(["unpause", "one"]).status, 0);
  t.equal(inspect("one", "{{.State.Status}}"), "running");
  t.equal(readCgroup("cgroup.freeze"), "0");
});

t.test("docker update changes the limits of the running container", async (t) => {
  const limits = ["--memory", "48m", "--memory-swap", "80m", "--pids-limit", "33", "--cpus", "0.9"];
  t.equal(docker(["update", ...limits, "one"]).status, 0);
  const files = ["memory.max", "memory.swap.max", "pids.max", "cpu.max"];
  t.same(files.map(readCgroup), ["50331648", "33554432", "33", "90000 100000"]);
});

t.test("docker stats and top see its processes", async (t) => {
  const stats = docker(["stats", "--no-stream", "--format", "{{.MemUsage}}|{{.PIDs}}", "one"]);
  t.match(stats.stdout, /B \/ 48MiB\|2\n$/);
  t.match(docker(["top", "one"]).stdout, /^UID +PID[^]*sleep 1000\n/);
});

t.test("docker cp copies into the container and out of it", async (t) => {
  writeFileSync(join(scratch, "in"), "copied\n");
  t.equal(docker(["cp", join(scratch, "in"), "one:/tmp/in"]).status, 0);
  t.equal(docker(["cp", "one:/tmp/in", join(scratch, "out")]).status, 0);
  t.equal(readFileSync(join(scratch, "out"), "utf8"), "copied\n");
});

t.test("docker kill sends a signal, restart and stop end it with its own status", async (t) => {
  t.equal(docker(["kill", "--signal", "USR1", "one"]).status, 0);
  t.ok(eventually(() => docker(["logs", "one"]).stdout.endsWith("got USR1\n")));
  const pid = inspect("one", "{{.State.Pid}}");
  t.equal(docker(["restart", "--time", "60", "one"]).status, 0);
  t.not(inspect("one", "{{.State.Pid}}"), pid);
  t.ok(eventually(() => docker(["logs", "one"]).stdout.split("begins").length === 3));
  t.equal(docker(["stop", "--time", "60", "one"]).status, 0);
  t.equal(docker(["wait", "one"]).stdout, "3\n");
  t.equal(
    inspect("one", "{{.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}}"),
    "exited 3 false",
  );
});

t.test(
  "docker start --attach shows a created container's output and gives its status",
  async (t) => {
    const create = ["create", "--name", "two", "--network", "none", imageName];
    t.equal(docker([...create, "sh", "-c", "echo here; exit 4"]).status, 0);
    t.match(docker(["start", "--attach", "two"]), { status: 4, stdout: "here\n" });
  },
);

t.test("a health check runs again and again, and its verdict follows", async (t) => {
  const check = [
    "--health-cmd",
    "test ! -e /ill",
    "--health-interval",
    "300ms",
    "--health-retries",
    "1",
  ];
  engine.begin("healthy", check);
  t.ok(becomes("healthy", "{{.State.Health.Status}}", "healthy"));
  t.equal(docker(["exec", "healthy", "touch", "/ill"]).status, 0);
  t.ok(becomes("healthy", "{{.State.Health.Status}}", "unhealthy"));
});

t.test("a restart policy starts it again, as often as it says", async (t) => {
  engine.begin("stubborn", ["--restart", "on-failure:1"], ["sh", "-c", "echo again; exit 6"]);
  t.ok(
    becomes("stubborn", "{{.RestartCount}} {{.State.Status}} {{.State.ExitCode}}", "1 exited 6"),
  );
  t.equal(docker(["logs", "stubborn"]).stdout, "again\nagain\n");
});

t.test("docker rm --force removes whatever runs, and nothing is left", async (t) => {
  t.equal(docker(["rm", "--force", "one", "two", "healthy", "stubborn"]).status, 0);
  t.same(leftStates(engine), []);
  t.same(leftCgroups(), []);
});

function readCgroup(file: string): string {
  return readFileSync(`/sys/fs/cgroup/docker/${id}/${file}`, "utf8").trim();
}
