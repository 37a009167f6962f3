import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { processesWith } from "../integration/support/process.ts";
import { run, runtime, scratch } from "../integration/support/runtime.ts";
import { until } from "../integration/support/wait.ts";
import { begin } from "./support/begin.ts";
import { clientEnv, runtimeName, startDocker } from "./support/docker.ts";
import { imageName } from "./support/image.ts";

begin(t, {
  dockerd: ["--version"],
  docker: ["--version"],
  "/usr/libexec/docker/cli-plugins/docker-buildx": ["version"],
});
const calls = join(scratch, "calls");
const recorder = makeRecorder();
const { docker } = startDocker(t, {
  // with the default network: BuildKit has a prestart hook that connects a step
  config: { runtimes: { [runtimeName]: { path: recorder } }, bridge: undefined },
  // dockerd's BuildKit asks nobody for the default runtime
  env: { DOCKER_BUILDKIT_RUNC_COMMAND: recorder },
});

t.test("docker build with BuildKit runs its steps by the runtime", async (t) => {
  const steps = `ENV A=b
WORKDIR /place
RUN echo "$(id -u) $A $(pwd)" > /made; ip -o -4 addr show eth0 >> /made; chmod 777 .
RUN --mount=type=cache,target=/cache --mount=type=tmpfs,target=/t touch /cache/x /t/y
USER 1000
RUN id -u > made`;
  const { status, stderr } = build("built", steps);
  t.equal(status, 0, stderr);
  t.equal(called("run").length, 3);
  const show = ["run", "--rm", "built", "sh", "-c", "cat /made made; ip -o -4 addr show eth0"];
  const address = String.raw`\d+: eth0 +inet 172\.17\.\S+ .*\n`;
  t.match(docker(show).stdout, new RegExp(`^0 b /place\n${address}1000\n${address}$`));
  t.equal(run(["list", "--quiet"]).stdout, "", "no container of BuildKit's is left");
});

t.test(
  "a step's exit status, and why a command cannot run, are in what BuildKit shows",
  async (t) => {
    const failed = build("failed", "RUN echo words; exit 7");
    t.match(failed, { status: 1, stderr: /words\n[^]*exit code: 7/ });
    const missing = build("missing", 'RUN ["/no/where"]');
    t.match(missing, {
      status: 1,
      stderr: /exec: "\/no\/where": stat \/no\/where: no such file or directory/,
    });
    t.equal(run(["list", "--quiet"]).stdout, "");
  },
);

t.test("a build that is broken off leaves no process and no container", async (t) => {
  const client = spawn("docker", buildWords("endless", "RUN sleep 4242"), {
    env: clientEnv,
    stdio: "ignore",
  });
  t.ok(until(() => processesWith("sleep 4242").length > 0, 60_000));
  client.kill("SIGINT");
  t.ok(until(() => processesWith("sleep 4242").length === 0, 60_000));
  t.ok(until(() => run(["list", "--quiet"]).stdout === "", 60_000));
});

t.test("the builder before BuildKit runs its steps as containers", async (t) => {
  const before = called("create").length;
  const env = { ...clientEnv, DOCKER_BUILDKIT: "0" };
  const built = docker(buildWords("built-before", "RUN echo words > /made"), { env });
  t.match(built, { status: 0, stdout: /Successfully tagged built-before/ });
  t.equal(called("create").length, before + 1);
});

/** A program that notes its arguments, a line for each call, and becomes the runtime. */
function makeRecorder(): string {
  const path = join(scratch, "recorder");
  writeFileSync(path, `#!/bin/sh\necho "$*" >> ${calls}\nexec ${runtime} "$@"\n`);
  chmodSync(path, 0o755);
  return path;
}

function called(command: string): string[] {
  const lines = existsSync(calls) ? readFileSync(calls, "utf8").split("\n") : [];
  return lines.filter((line) => line.split(" ").includes(command));
}

function build(name: string, steps: string) {
  return docker(buildWords(name, steps));
}

function buildWords(name: string, steps: string): string[] {
  const context = join(scratch, `context-${name}`);
  mkdirSync(context);
  writeFileSync(join(context, "Dockerfile"), `FROM ${imageName}\n${steps}\n`);
  return ["build", "--tag", name, context];
}
