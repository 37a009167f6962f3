import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { baseConfig, makeRootfs } from "../integration/support/bundle.ts";
import { writeConfig } from "../integration/support/container.ts";
import { execute, kind, runtime, scratch } from "../integration/support/runtime.ts";
import { nothing, remainsOf } from "../integration/support/remains.ts";
import { begin } from "./support/begin.ts";
import { runtimeFlags, startContainerd } from "./support/containerd.ts";
import { imageName } from "./support/image.ts";

begin(t, { containerd: ["--version"], ctr: ["--version"] });
const { ctr, run, detach } = startContainerd(t);
const failed = "OCI runtime create failed: ";

t.test("a command that is not there, or no program", async (t) => {
  t.match(run(["--rm"], ["e1", "nonexistent"]), {
    status: 1,
    stderr: `${failed}${kind} create failed: unable to start container process: error during container init: exec: "nonexistent": executable file not found in $PATH`,
  });
  t.match(run(["--rm"], ["e2", "/etc/passwd"]), {
    status: 1,
    stderr: 'exec: "/etc/passwd": permission denied',
  });
});

t.test("a configuration that cannot work", async (t) => {
  const mount = "type=bind,src=/missing,dst=/x,options=rbind";
  const { stderr } = run(["--rm", "--mount", mount], ["e3", "true"]);
  t.match(stderr, failed);
  t.match(stderr, /\/missing: no such file or directory/);
  t.match(run(["--rm", "--cwd", "relative"], ["e4", "true"]), {
    status: 1,
    stderr: /OCI runtime create failed: .*Cwd must be an absolute path/,
  });
  const config = join(scratch, "config.json");
  const rootfs = join(scratch, "rootfs");
  makeRootfs(rootfs);
  writeFileSync(
    config,
    JSON.stringify({
      ...baseConfig(),
      root: { path: rootfs },
      hostname: "x",
      linux: { namespaces: [{ type: "mount" }] },
    }),
  );
  t.match(ctr(["run", "--rm", ...runtimeFlags(), "--config", config, "e5"]), {
    status: 1,
    stderr: /OCI runtime create failed: .*unable to set hostname without a private UTS namespace/,
  });
});

t.test("a bundle that is not there", async (t) => {
  const wrapper = join(scratch, "without-bundle");
  const script = `#!/bin/sh
for word; do
  shift
  [ "$before" != --bundle ] || word=/nowhere
  set -- "$@" "$word"
  before=$word
done
exec ${runtime} "$@"
`;
  writeFileSync(wrapper, script, { mode: 0o755 });
  const words = ["run", "--rm", ...runtimeFlags(wrapper), imageName, "e6", "true"];
  t.match(ctr(words), {
    status: 1,
    stderr: /OCI runtime create failed: .*\/nowhere.*no such file or directory/,
  });
});

t.test("an id that is in use", async (t) => {
  const root = join(scratch, "in-use");
  const bundle = join(scratch, "bundle");
  mkdirSync(join(bundle, "rootfs"), { recursive: true });
  makeRootfs(join(bundle, "rootfs"));
  writeConfig(bundle, {
    ...baseConfig(),
    process: { ...baseConfig().process, args: ["sleep", "1000"] },
  });
  mkdirSync(root);
  const own = ["--root", join(root, "default")];
  t.match(execute(runtime, [...own, "create", "--bundle", bundle, "busy"]), { status: 0 });
  t.teardown(() => execute(runtime, [...own, "delete", "--force", "busy"]));
  t.match(run(["--rm", "--runc-root", root], ["busy", "true"]), {
    status: 1,
    stderr: "container with given ID already exists",
  });
});

t.test("a full disk under --root", async (t) => {
  const root = mounted(t, "full", "size=64k");
  fill(root);
  const { status, stderr } = run(["--rm", "--runc-root", root], ["full", "true"]);
  t.equal(status, 1);
  t.match(stderr, failed);
  t.match(stderr, "no space left on device");
  expectCleaned(t, root, "full");
});

t.test(
  "a disk that fills while the container runs does not keep it from being removed",
  async (t) => {
    const root = mounted(t, "filled", "size=256k");
    detach(t, "filled", "sleep 1000", ["--runc-root", root]);
    fill(root);
    t.equal(ctr(["task", "exec", "--exec-id", "e", "filled", "true"]).status, 0);
    t.equal(ctr(["task", "pause", "filled"]).status, 0);
    t.match(ctr(["task", "rm", "--force", "filled"]), { status: 0 });
    expectCleaned(t, root, "filled");
  },
);

t.test("a --root that cannot be written", async (t) => {
  const root = mounted(t, "read-only", "ro");
  const { status, stderr } = run(["--rm", "--runc-root", root], ["denied", "true"]);
  t.equal(status, 1);
  t.match(stderr, failed);
  t.match(stderr, "read-only file system");
  expectCleaned(t, root, "denied");
});

/** delete --force succeeds, and then nothing is there. */
function expectCleaned(t: Test, root: string, id: string): void {
  const state = join(root, "default");
  t.match(execute(runtime, ["--root", state, "delete", "--force", id]), { status: 0, stderr: "" });
  t.same(remainsOf({ id, bundle: `/${id}/rootfs`, root: state }), nothing);
}

/** A file system of its own to be --root. */
function mounted(t: Test, name: string, options: string): string {
  const place = join(scratch, name);
  mkdirSync(place);
  t.match(execute("mount", ["-t", "tmpfs", "-o", options, name, place]), { status: 0 });
  t.teardown(() => execute("umount", ["--lazy", place]));
  return place;
}

function fill(place: string): void {
  const { stderr } = execute("dd", ["if=/dev/zero", `of=${join(place, "filling")}`, "bs=4k"]);
  if (!stderr.includes("No space left")) throw new Error(`dd: ${stderr}`);
}
