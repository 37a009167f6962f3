import t from "tap";

import { describeFeatures, formatFeatures } from "../../../src/cli/features.ts";
import { formatListing } from "../../../src/cli/list.ts";
import { formatView } from "../../../src/lifecycle/state.ts";
import { formatVersions } from "../../../src/cli/version.ts";
import type { ContainerView } from "../../../src/lifecycle/state.ts";

const view: ContainerView = {
  ociVersion: "1.3.0",
  id: "web",
  pid: 42,
  status: "running",
  bundle: "/srv/bundle",
  rootfs: "/srv/bundle/rootfs",
  created: "2026-11-23T18:11:24.5Z",
  annotations: { a: "b" },
  owner: "",
};

t.test("state is indented by two spaces and has no newline at its end", async (t) => {
  t.equal(
    formatView(view),
    `{
  "ociVersion": "1.3.0",
  "id": "web",
  "pid": 42,
  "status": "running",
  "bundle": "/srv/bundle",
  "rootfs": "/srv/bundle/rootfs",
  "created": "2026-11-23T18:11:24.5Z",
  "annotations": {
    "a": "b"
  },
  "owner": ""
}`,
  );
});

t.test("a list without containers is a heading, null, or nothing", async (t) => {
  t.equal(
    formatListing([], "table"),
    "ID          PID         STATUS      BUNDLE      CREATED     OWNER\n",
  );
  t.equal(formatListing([], "json"), "null\n");
  t.equal(formatListing([], "ids"), "");
});

t.test("columns are three spaces wider than their longest cell, and at least twelve", async (t) => {
  const stopped = {
    ...view,
    id: "a-longer-id",
    pid: 0,
    status: "stopped",
    owner: "#1000",
  } as const;
  t.equal(
    formatListing([view, stopped], "table"),
    [
      "ID            PID         STATUS      BUNDLE        CREATED                  OWNER",
      "web           42          running     /srv/bundle   2026-11-23T18:11:24.5Z   ",
      "a-longer-id   0           stopped     /srv/bundle   2026-11-23T18:11:24.5Z   #1000",
      "",
    ].join("\n"),
  );
});

t.test("a list as JSON is one compact line", async (t) => {
  t.equal(formatListing([view], "json"), `[${JSON.stringify(view)}]\n`);
  t.equal(formatListing([view, view], "ids"), "web\nweb\n");
});

t.test("the word version stands in the first line of --version only", async (t) => {
  t.equal(
    formatVersions({
      version: "1.2.3",
      commit: "abc",
      spec: "1.3.0",
      node: "v26.10.0",
      libseccomp: "2.5.4",
    }),
    "tsrun version 1.2.3\ncommit: abc\nspec: 1.3.0\nnode: v26.10.0\nlibseccomp: 2.5.4\n",
  );
  t.equal(
    formatVersions({ version: "1.2.3", spec: "1.3.0", node: "v26.10.0" }),
    "tsrun version 1.2.3\nspec: 1.3.0\nnode: v26.10.0\n",
  );
});

t.test("the features document says what engines look for", async (t) => {
  const features = describeFeatures({
    version: "1.2.3",
    libseccomp: "2.5.4",
    kernel: "6.1.0-13-amd64",
  }) as {
    mountOptions: string[];
    linux: { namespaces: string[]; seccomp: { actions: string[]; supportedFlags: string[] } };
  };
  t.match(features, {
    ociVersionMin: "1.0.0",
    ociVersionMax: "1.3.0",
    linux: {
      cgroup: { v1: false, v2: true, systemd: true, systemdUser: true },
      seccomp: { enabled: true },
      mountExtensions: { idmap: { enabled: true } },
    },
    annotations: { "tsrun.version": "1.2.3", "io.github.seccomp.libseccomp.version": "2.5.4" },
  });
  t.ok(features.mountOptions.includes("rro"));
  t.ok(features.linux.namespaces.includes("user"));
  for (const list of [
    features.mountOptions,
    features.linux.namespaces,
    features.linux.seccomp.actions,
  ]) {
    t.same(list, [...list].sort());
  }
});

t.test("seccomp flags that the kernel lacks are known and not supported", async (t) => {
  const flagsOf = (kernel: string): unknown =>
    (describeFeatures({ version: "1", kernel }) as { linux: { seccomp: object } }).linux.seccomp;
  const killable = "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV";
  const old = flagsOf("5.15.0") as { knownFlags: string[]; supportedFlags: string[] };
  t.ok(old.knownFlags.includes(killable));
  t.notOk(old.supportedFlags.includes(killable));
});

t.test("features are indented by four spaces and end in a newline", async (t) => {
  t.equal(formatFeatures({ a: ["b"] }), '{\n    "a": [\n        "b"\n    ]\n}\n');
});
