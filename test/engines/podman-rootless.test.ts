import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { onTerminal } from "../integration/support/console.ts";
import { kind } from "../integration/support/runtime.ts";
import { addAccount, exposeRuntime } from "./support/account.ts";
import { begin } from "./support/begin.ts";
import { imageName } from "./support/image.ts";
import { preparePodman } from "./support/podman.ts";

begin(t, { podman: ["--version"], conmon: ["--version"] });
const account = addAccount("ann");
const runtimeAt = exposeRuntime();
const { podman, words } = preparePodman({ cgroupManager: "cgroupfs", account, runtimeAt });
const state = `/run/user/${account.uid}/${kind}`;

t.test("a container of a user runs; its root is the user", async (t) => {
  const script = "id -u; cat /proc/self/uid_map; exit 5";
  const { status, stdout } = podman(["run", "--rm", imageName, "sh", "-c", script]);
  t.equal(status, 5);
  t.match(stdout, new RegExp(`^0\n +0 +${account.uid} +1\n +1 +\\d+ +65536\n$`));
  t.strictSame(existsSync(state) ? readdirSync(state) : [], []);
});

t.test("--userns=keep-id: the user is the user in the container too", async (t) => {
  const flags = ["--rm", "--userns=keep-id", "--volume", `${account.home}:/shared`];
  const script = "id -u; touch /shared/new; stat -c %u /shared/new";
  const ran = podman(["run", ...flags, imageName, "sh", "-c", script]);
  t.match(ran, { status: 0, stdout: `${account.uid}\n${account.uid}\n`, stderr: "" });
  t.equal(statSync(join(account.home, "new")).uid, account.uid);
});

t.test(
  "what cannot be run has podman's exit status for it and the runtime's message",
  async (t) => {
    const started = (command: string) => podman(["run", "--rm", imageName, command]);
    t.match(started("nosuch"), { status: 127, stderr: /nosuch.*not found/ });
    t.match(started("/etc/passwd"), { status: 126, stderr: /permission denied/i });
  },
);

t.test("options that need no cgroup reach the container", async (t) => {
  const flags =
    "--rm --read-only --read-only-tmpfs=false --tmpfs=/small --cap-drop=all --hostname=here " +
    "--user=1000:1000 --init --ulimit=nofile=100:200 --security-opt=no-new-privileges";
  const script =
    "touch /new 2>&1; grep CapBnd /proc/self/status; hostname; id -u; cat /proc/1/comm; ulimit -n";
  const { status, stdout } = podman(["run", ...flags.split(" "), imageName, "sh", "-c", script]);
  t.equal(status, 0);
  const bounding = "CapBnd:\t0000000000000000";
  t.equal(
    stdout,
    `touch: /new: Read-only file system\n${bounding}\nhere\n1000\npodman-init\n100\n`,
  );
});

t.test("-it: a terminal", async (t) => {
  const script = "stty size; read x; echo got $x; exit 3";
  const terminal = onTerminal(30, 90, words("run", "--rm", "-it", imageName, "sh", "-c", script));
  t.match(await terminal.shows("30 90"), /30 90/);
  terminal.type("key\r");
  t.equal(await terminal.end, 3);
  t.match(terminal.output(), /got key/);
});
