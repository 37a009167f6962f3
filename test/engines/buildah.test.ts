import t from "tap";
import { onTerminal } from "../integration/support/console.ts";
import { run } from "../integration/support/runtime.ts";
import { begin } from "./support/begin.ts";
import { imageName } from "./support/image.ts";
import { prepareEngine } from "./support/podman.ts";

begin(t, { buildah: ["--version"] });
const { caller, call } = prepareEngine({ cgroupManager: "cgroupfs" });
const buildah = (args: readonly string[]) => call("buildah", args);
const isolated = ["--isolation", "oci", "--network", "none"];

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
