import t from "tap";
import { kind, run, runcBefore } from "./support/runtime.ts";

type Features = {
  ociVersionMin: string;
  ociVersionMax: string;
  hooks: string[];
  mountOptions: string[];
  linux: Record<string, unknown> & { namespaces: string[]; capabilities: string[] };
  annotations: Record<string, string>;
};

const print = () => run(["features"]);
const features = () => JSON.parse(print().stdout) as Features;

t.test("features prints indented JSON on stdout and nothing on stderr", async (t) => {
  const { status, stdout, stderr } = print();
  t.equal(status, 0);
  t.equal(stderr, "");
  if (kind !== "crun") t.match(stdout, /^\{\n {4}"ociVersionMin": "1\.0\.0",\n/);
  t.match(stdout, /\}\n$/);
});

t.test("it names the versions, hooks, mount options and namespaces", async (t) => {
  const document = features();
  t.match(document.ociVersionMax, /^1\.\d/);
  t.strictSame(document.hooks, [
    "prestart",
    "createRuntime",
    "createContainer",
    "startContainer",
    "poststart",
    "poststop",
  ]);
  for (const option of ["bind", "rbind", "ro", "nosuid", "rro", "rprivate"]) {
    if (kind === "runc" && option === "rro" && runcBefore("1.2", "")) continue;
    t.ok(document.mountOptions.includes(option), option);
  }
  for (const type of ["cgroup", "ipc", "mount", "network", "pid", "user", "uts"]) {
    t.ok(document.linux.namespaces.includes(type), type);
  }
  t.ok(document.linux.capabilities.includes("CAP_SYS_ADMIN"));
});

t.test(
  "what engines read is there",
  { skip: runcBefore("1.2", "no mountExtensions") },
  async (t) => {
    const { linux, annotations } = features();
    t.match(linux, {
      cgroup: { v2: true },
      seccomp: { enabled: true, actions: Array, operators: Array, archs: Array },
      mountExtensions: { idmap: { enabled: true } },
      apparmor: { enabled: true },
      selinux: { enabled: true },
      intelRdt: { enabled: true },
    });
    t.match(annotations, { "io.github.seccomp.libseccomp.version": /^2\./ });
  },
);
