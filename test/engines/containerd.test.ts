import t from "tap";
import { begin } from "./support/begin.ts";
import { runtimeFlags, startContainerd } from "./support/containerd.ts";
import { imageName } from "./support/image.ts";

begin(t, { containerd: ["--version"], ctr: ["--version"] });
const { ctr } = startContainerd(t);

t.test("a container runs, its output and exit status come back, nothing stays", async (t) => {
  const words = ["run", ...runtimeFlags, "--rm", imageName, "one", "sh", "-c", "echo out; exit 7"];
  t.match(ctr(words), { status: 7, stdout: "out\n", stderr: "" });
  t.equal(ctr(["containers", "ls", "-q"]).stdout, "");
});
