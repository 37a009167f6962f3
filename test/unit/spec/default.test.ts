import t from "tap";
import { checkConfig } from "../../../src/spec/check.ts";
import { defaultSpec } from "../../../src/spec/default.ts";
import { fixture } from "./configs.ts";

const text = (rootless: boolean) =>
  JSON.stringify(defaultSpec(rootless, { uid: 1000, gid: 1001 }), null, "\t");

t.test(
  "as runc writes it, but for the version, the ambient set and the cgroup namespace",
  async (t) => {
    // runc 1.1 wrote ambient capabilities, and no cgroup namespace where it found cgroup v1.
    const runc = fixture("runc-spec")
      .replace("1.0.2-dev", "1.3.0")
      .replace(/,\s+"ambient": \[[^\]]*\]/, "")
      .replace(/("type": "mount"\n\t\t\t\})/, '$1,\n\t\t\t{\n\t\t\t\t"type": "cgroup"\n\t\t\t}');
    t.equal(text(false), runc);
  },
);

t.test(
  "for an ordinary user: a user namespace with that user in it, and nothing that needs root",
  async (t) => {
    const { linux, mounts } = defaultSpec(true, { uid: 1000, gid: 1001 });
    t.strictSame(
      linux?.namespaces?.map(({ type }) => type),
      ["pid", "ipc", "uts", "mount", "cgroup", "user"],
    );
    t.strictSame(linux?.uidMappings, [{ containerID: 0, hostID: 1000, size: 1 }]);
    t.strictSame(linux?.gidMappings, [{ containerID: 0, hostID: 1001, size: 1 }]);
    t.equal(linux?.resources, undefined);
    t.notOk(
      mounts?.some(({ options = [] }) => options.some((option) => option.startsWith("gid="))),
    );
    t.match(mounts?.[5], { destination: "/sys", type: "none", source: "/sys", options: ["rbind"] });
  },
);

t.test("there is nothing to find in either", async (t) => {
  t.strictSame(checkConfig(text(false), "config.json"), []);
  t.strictSame(checkConfig(text(true), "config.json"), []);
});
