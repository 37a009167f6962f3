import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { onTerminal } from "../integration/support/console.ts";
import { run, runtime, scratch } from "../integration/support/runtime.ts";
import { begin } from "./support/begin.ts";
import { imageName } from "./support/image.ts";
import { prepareEngine } from "./support/podman.ts";

begin(t, { buildah: ["--version"] });
const { caller, call } = prepareEngine({ cgroupManager: "cgroupfs" });
const buildah = (args: readonly string[]) => call("buildah", args);
const isolated = ["--isolation", "oci", "--network", "none"];
const context = mkdtempSync(join(scratch, "context-"));
const containerfile = `FROM ${imageName}
RUN --mount=type=tmpfs,dst=/fast touch /fast/new && mkdir -m 777 /made
USER 1000
RUN id -u > /made/out
RUN cat /sys/fs/cgroup/memory.max >> /made/out; grep CapEff /proc/self/status >> /made/out
RUN --mount=type=secret,id=key,uid=1000 cat /run/secrets/key >> /made/out
CMD ["cat", "/made/out"]
`;

t.test("run: output, status, options", async (t) => {
  t.match(buildah(["from", "--pull-never", "--name", "work", imageName]), { status: 0 });
  t.teardown(() => buildah(["rm", "work"]));
  const flags = "--user=1000:1000 --workingdir=/tmp --env=A=b --hostname=here --cap-drop=all";
  const script =
    "id -u; pwd; echo $A; hostname; grep CapBnd /proc/self/status; echo err >&2; exit 6";
  const words = ["run", ...isolated, ...flags.split(" "), "work", "--", "sh", "-c", script];
  const { status, stdout, stderr } = buildah(words);
  t.equal(status, 6);
  t.equal(stdout, "1000\n/tmp\nb\nhere\nCapBnd:\t0000000000000000\n");
  t.match(stderr, /^err\n/);
  t.equal(run(["list", "--quiet"]).stdout, "");
});

t.test("run --terminal", async (t) => {
  t.match(buildah(["from", "--pull-never", "--name", "term", imageName]), { status: 0 });
  t.teardown(() => buildah(["rm", "term"]));
  const script = "tty; read x; echo got $x; exit 3";
  const words = ["run", "--terminal", ...isolated, "term", "--", "sh", "-c", script];
  const terminal = onTerminal(30, 90, [...caller, "buildah", ...words]);
  t.match(await terminal.shows("/dev/"), /\/dev\/(pts\/\d+|console)/);
  terminal.type("key\r");
  t.equal(await terminal.end, 3);
  t.match(terminal.output(), /got key/);
});

t.test("run: the runtime's message for what cannot be run", async (t) => {
  t.match(buildah(["from", "--pull-never", "--name", "none", imageName]), { status: 0 });
  t.teardown(() => buildah(["rm", "none"]));
  const missing = buildah(["run", ...isolated, "none", "--", "nosuch"]);
  t.not(missing.status, 0);
  t.match(missing.stderr, /exec: \\?"nosuch\\?": executable file not found in \$PATH/);
  t.equal(run(["list", "--quiet"]).stdout, "");
});

t.test("bud: RUN with limits, users, mounts, secrets", async (t) => {
  writeFileSync(join(context, "Containerfile"), containerfile);
  writeFileSync(join(scratch, "key"), "secret\n");
  const limits = [
    "--memory",
    "64m",
    "--cap-drop",
    "mknod",
    "--secret",
    `id=key,src=${scratch}/key`,
  ];
  const words = ["bud", "--quiet", ...isolated, ...limits, "--tag", "built", context];
  const { status, stderr } = buildah(words);
  t.equal(status, 0, stderr);
  const ran = call("podman", ["run", "--rm", "built"]);
  const expected = "1000\n67108864\nCapEff:\t0000000000000000\nsecret\n";
  t.match(ran, { status: 0, stdout: expected });
});

t.test("bud: a command that fails gives its status", async (t) => {
  writeFileSync(join(context, "Failing"), `FROM ${imageName}\nRUN exit 5\n`);
  const words = ["bud", ...isolated, "--file", join(context, "Failing"), context];
  const { status, stderr } = buildah(words);
  t.equal(status, 5);
  t.match(stderr, /exit status 5/);
  t.equal(run(["list", "--quiet"]).stdout, "");
});

t.test("--runtime chooses it; it is called for create, start, state, delete", async (t) => {
  const recorder = join(scratch, "recorder");
  const log = join(scratch, "calls");
  const record = `#!/bin/sh\necho "$*" >> ${log}\nexec ${runtime} "$@"\n`;
  writeFileSync(recorder, record, { mode: 0o755 });
  t.match(buildah(["from", "--pull-never", "--name", "seen", imageName]), { status: 0 });
  t.teardown(() => buildah(["rm", "seen"]));
  t.match(buildah(["run", ...isolated, "--runtime", recorder, "seen", "--", "true"]), {
    status: 0,
  });
  const calls = readFileSync(log, "utf8").trimEnd().split("\n");
  t.match(calls[0], /^create /);
  const verbs = calls.map(
    (line) => /(?:^| )(create|start|state|kill|delete)(?: |$)/.exec(line)?.[1],
  );
  t.strictSame([...new Set(verbs)], ["create", "start", "state", "delete"]);
});
