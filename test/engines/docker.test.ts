import { existsSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { statusFields } from "../integration/support/process.ts";
import { execute, onlyTsrun, runtime, scratch } from "../integration/support/runtime.ts";
import { begin } from "./support/begin.ts";
import { hungry, leftStates, runtimeName, startDocker } from "./support/docker.ts";
import { imageName } from "./support/image.ts";

begin(t, { dockerd: ["--version"], docker: ["--version"], containerd: ["--version"] });
// one is the default, the other is asked for by name
const runtimes = {
  [runtimeName]: { path: runtime },
  talkative: { path: runtime, runtimeArgs: ["--debug"] },
};
const engine = startDocker(t, { config: { runtimes } });
const { docker, run, inspect } = engine;
const target = engine.begin("target", ["--ipc", "shareable"]);

t.test("the daemon knows the runtime's version, and takes it for all containers", async (t) => {
  t.equal(docker(["info", "--format", "{{.DefaultRuntime}}"]).stdout, `${runtimeName}\n`);
  const { stdout } = docker(["version", "--format", "{{json .Server.Components}}"]);
  const components = JSON.parse(stdout) as { Name: string; Version: string }[];
  t.match(components.find(({ Name }) => Name === runtimeName)?.Version, /^\d+\.\d+\.\d+/);
  t.ok(existsSync(join(engine.runtimeRoot, target)));
});

t.test(
  "--runtime chooses one by its name, with the arguments that the daemon has for it",
  async (t) => {
    const ran = run(["--runtime", "talkative", imageName, "echo", "here"]);
    t.match(ran, { status: 0, stdout: "here\n", stderr: "" });
  },
);

t.test(
  "validate finds no error in the config that Docker made, and explain shows its plan",
  { skip: onlyTsrun("validate") },
  async (t) => {
    const bundle = join(engine.tasks, target);
    const found = execute(runtime, ["validate", bundle]);
    t.equal(found.status, 0, found.stdout + found.stderr);
    t.match(execute(runtime, ["explain", bundle]), { status: 0, stdout: /sleep/, stderr: "" });
  },
);

t.test("the limits of a container are those of its cgroup", async (t) => {
  const files = [
    "memory.max",
    "memory.swap.max",
    "memory.low",
    "cpu.max",
    "cpu.weight",
    "pids.max",
  ];
  const limits = ["--memory", "64m", "--memory-swap", "96m", "--memory-reservation", "32m"];
  limits.push("--cpus", "0.5", "--cpu-shares", "1024", "--pids-limit", "50");
  const { stdout } = run([
    ...limits,
    imageName,
    "sh",
    "-c",
    `cd /sys/fs/cgroup; cat ${files.join(" ")}`,
  ]);
  const [max, swap, low, cpu, weight, pids] = stdout.trimEnd().split("\n");
  t.match([max, swap, low, cpu, pids], ["67108864", "33554432", "33554432", "50000 100000", "50"]);
  t.match(weight, /^(39|100)$/, "runc of different days converts shares differently");
});

t.test(
  "user, groups, rlimits, oom_score_adj and no-new-privileges are the process's own",
  async (t) => {
    const flags = ["--user", "1000:1000", "--group-add", "44", "--ulimit", "nofile=100:200"];
    flags.push(
      "--oom-score-adj",
      "321",
      "--security-opt",
      "no-new-privileges",
      "--hostname",
      "called",
    );
    flags.push("--workdir", "/new/place", "--env", "A=b");
    const script =
      "cat /proc/self/status /proc/self/oom_score_adj; ulimit -n; ulimit -Hn; hostname; pwd; echo $A";
    const { stdout, stderr } = run([...flags, imageName, "sh", "-c", script]);
    t.equal(stderr, "");
    const status = statusFields(stdout);
    t.match(status, {
      Uid: /^1000\t/,
      Gid: /^1000\t/,
      Groups: /^44 1000/,
      NoNewPrivs: "1",
      Seccomp: "2",
    });
    t.match(status.CapEff, /^0+$/);
    t.match(stdout, /\n321\n100\n200\ncalled\n\/new\/place\nb\n$/);
  },
);

t.test("--init makes docker-init process 1; seccomp=unconfined is no filter at all", async (t) => {
  const flags = ["--init", "--security-opt", "seccomp=unconfined"];
  const { stdout } = run([...flags, imageName, "cat", "/proc/1/comm", "/proc/self/status"]);
  t.match(stdout, /^docker-init\n/);
  t.equal(statusFields(stdout).Seccomp, "0");
});

t.test(
  "--read-only, --tmpfs, --volume, --shm-size, --device and --sysctl shape what it sees",
  async (t) => {
    const flags = [
      "--read-only",
      "--tmpfs",
      "/t:rw,size=1m,mode=1700",
      "--volume",
      `${scratch}:/v:ro`,
    ];
    flags.push(
      "--shm-size",
      "1m",
      "--device",
      "/dev/loop0:/dev/mine",
      "--device",
      "/dev/loop1:/dev/his:r",
    );
    flags.push("--sysctl", "net.ipv4.ip_unprivileged_port_start=80");
    const script = `touch /x; touch /t/x && grep -E ' /(t|dev/shm) ' /proc/mounts
touch /v/x; : > /dev/mine && : < /dev/his && echo opened; true > /dev/his
cat /proc/sys/net/ipv4/ip_unprivileged_port_start`;
    const { stdout, stderr } = run([...flags, imageName, "sh", "-c", script]);
    t.match(stdout, /^tmpfs \/t tmpfs rw,.*size=1024k,mode=1700/m);
    t.match(stdout, /^shm \/dev\/shm tmpfs rw,.*size=1024k/m);
    t.match(stdout, /\nopened\n80\n$/);
    t.match(stderr, /x: Read-only file system[^]*v\/x: Read-only file system/);
    t.match(stderr, /his: Operation not permitted/);
  },
);

t.test("capabilities are added and dropped, and the given seccomp profile holds", async (t) => {
  const profile = join(scratch, "profile.json");
  const refused = { names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 121 };
  writeFileSync(profile, JSON.stringify({ defaultAction: "SCMP_ACT_ALLOW", syscalls: [refused] }));
  const flags = [
    "--cap-drop",
    "ALL",
    "--cap-add",
    "SYS_TIME",
    "--security-opt",
    `seccomp=${profile}`,
  ];
  const { stdout, stderr } = run([
    ...flags,
    imageName,
    "sh",
    "-c",
    "cat /proc/self/status; mkdir /d",
  ]);
  t.equal(statusFields(stdout).CapEff, "0000000002000000");
  t.match(stderr, /Remote I\/O error/);
});

t.test("--privileged has all capabilities, all devices and no filter", async (t) => {
  const script = "cat /proc/self/status; mount -t tmpfs t /tmp && test -e /dev/loop0 && echo may";
  const { stdout } = run(["--privileged", imageName, "sh", "-c", script]);
  t.match(statusFields(stdout), { CapEff: /^000001f/, Seccomp: "0" });
  t.match(stdout, /\nmay\n$/);
});

const showNamespaces =
  "cd /proc/self/ns; for n in pid ipc net uts cgroup mnt; do readlink $n; done";

t.test("namespaces are shared with another container, or with the host", async (t) => {
  const pid = inspect(target, "{{.State.Pid}}");
  const of = (process: string, names: string[]) =>
    names.map((name) => readlinkSync(`/proc/${process}/ns/${name}`));
  const shared = ["--pid", "container:target", "--ipc", "container:target"];
  const words = [...shared, "--network", "container:target", imageName, "sh", "-c", showNamespaces];
  const joined = docker(["run", "--rm", ...words])
    .stdout.trim()
    .split("\n");
  t.match(joined.slice(0, 3), of(pid, ["pid", "ipc", "net"]));
  const hosts = ["--pid", "--ipc", "--network", "--uts", "--cgroupns", "--userns"].flatMap(
    (flag) => [flag, "host"],
  );
  const onHost = docker(["run", "--rm", ...hosts, imageName, "sh", "-c", showNamespaces]);
  const ofHost = onHost.stdout.trim().split("\n");
  t.match(ofHost.slice(0, 5), of("self", ["pid", "ipc", "net", "uts", "cgroup"]));
  t.not(ofHost[5], readlinkSync("/proc/self/ns/mnt"));
});

t.test(
  "a command that cannot run makes Docker exit with 127 or 126, at run and at exec",
  async (t) => {
    const cases: [string, number, RegExp][] = [
      ["nowhere", 127, /exec: "nowhere": executable file not found in \$PATH/],
      ["/no/where", 127, /exec: "\/no\/where": stat \/no\/where: no such file or directory/],
      ["/etc", 126, /exec: "\/etc": (is a directory|permission denied)/],
      ["/etc/passwd", 126, /exec: "\/etc\/passwd": permission denied/],
    ];
    for (const [command, status, message] of cases) {
      t.match(run([imageName, command]), { status, stderr: message }, `run ${command}`);
    }
    for (const [command, status, message] of [cases[0]!, cases[3]!]) {
      const { stdout, stderr, ...executed } = docker(["exec", "target", command]);
      t.match({ ...executed, text: stdout + stderr }, { status, text: message }, `exec ${command}`);
    }
  },
);

t.test("what the runtime refuses is 125 with its message, and nothing stays", async (t) => {
  const file = join(scratch, "a-file");
  writeFileSync(file, "");
  const refused = run(["--mount", `type=bind,src=${file},dst=/etc`, imageName, "true"]);
  t.match(refused, { status: 125, stderr: /OCI runtime create failed: .*not a directory/ });
  t.match(leftStates(engine), [target]);
  t.equal(docker(["ps", "--all", "--quiet", "--no-trunc"]).stdout, `${target}\n`);
});

t.test("-it gives a terminal of the client's size, at run and at exec", async (t) => {
  const shown = "tty; stty size; readlink /proc/self/fd/1";
  const ran = engine.onTerminal(`docker run --rm --network none -it ${imageName} sh -c '${shown}'`);
  t.match(ran.stdout, /\/dev\/pts\/0\r\n30 100\r\n\/dev\/pts\/0\r\n/);
  const executed = engine.onTerminal(`docker exec -it target sh -c '${shown}; exit 9'`);
  t.match(executed.stdout, /\/dev\/pts\/\d\r\n30 100\r\n/);
  t.equal(executed.status, 9);
});

t.test("a process that needs more than its memory is killed, and Docker says why", async (t) => {
  engine.begin("hungry", ["--memory", "16m"], hungry);
  t.equal(docker(["wait", "hungry"]).status, 0);
  t.equal(inspect("hungry", "{{.State.OOMKilled}}"), "true");
  t.equal(docker(["rm", "hungry"]).status, 0);
});
