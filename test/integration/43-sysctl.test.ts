import t from "tap";
import { prepare, shell } from "./support/container.ts";
import { kind, notWith } from "./support/runtime.ts";

t.test("sysctls of the container's namespaces, with dots or slashes", async (t) => {
  const c = prepare(t, (config) => {
    config.linux.sysctl = {
      "net.ipv4.ip_forward": "1",
      "net/ipv4/ip_default_ttl": "77",
      "kernel.msgmax": "4096",
      "kernel.sem": "32000 1024000000 500 32000",
      "fs.mqueue.msg_max": "11",
    };
    config.process.args = shell(
      "cd /proc/sys; cat net/ipv4/ip_forward net/ipv4/ip_default_ttl kernel/msgmax fs/mqueue/msg_max; awk '{print $2}' kernel/sem",
    );
  });
  t.match(c.run(), { status: 0, stdout: "1\n77\n4096\n11\n1024000000\n", stderr: "" });
});

t.test("sysctls of the host are refused", async (t) => {
  for (const name of ["kernel.panic", "vm.swappiness", "fs.file-max", "kernel.hostname"]) {
    const c = prepare(t, (config) => (config.linux.sysctl = { [name]: "1" }));
    const { status, stderr } = c.run();
    t.equal(status, 1, name);
    t.match(stderr, name);
  }
});

t.test("a sysctl needs the namespace it belongs to", async (t) => {
  for (const [name, type] of [
    ["net.ipv4.ip_forward", "network"],
    ["kernel.msgmax", "ipc"],
    ["fs.mqueue.msg_max", "ipc"],
    ["kernel.domainname", "uts"],
  ] as const) {
    const c = prepare(t, (config) => {
      Reflect.deleteProperty(config, "hostname");
      config.linux.namespaces = config.linux.namespaces.filter(
        (namespace) => namespace.type !== type,
      );
      config.mounts = config.mounts.filter((mount) => mount.type !== "mqueue");
      config.linux.sysctl = { [name]: "1" };
    });
    const { status, stderr } = c.run();
    t.equal(status, 1, name);
    t.match(stderr, name);
  }
});

t.test("kernel.domainname", { skip: notWith("crun", "has no such") }, async (t) => {
  const c = prepare(t, (config) => {
    config.linux.sysctl = { "kernel.domainname": "example.org" };
    config.process.args = ["cat", "/proc/sys/kernel/domainname"];
  });
  t.match(c.run(), { status: 0, stdout: "example.org\n" });
});

t.test("a sysctl that is not there, and a value that the kernel refuses", async (t) => {
  for (const [name, value] of [
    ["net.ipv4.frobnicate", "1"],
    ["net.ipv4.ip_forward", "many"],
  ] as const) {
    const c = prepare(t, (config) => (config.linux.sysctl = { [name]: value }));
    const { status, stderr } = c.run();
    t.equal(status, 1, name);
    t.match(stderr, kind === "tsrun" ? /net\/ipv4\/|net\.ipv4\./ : /\w/);
  }
});

t.test("a name cannot leave /proc/sys", async (t) => {
  for (const name of [
    "net/../kernel/panic",
    "net.../kernel.panic",
    "net/ipv4/../../kernel/panic",
  ]) {
    const c = prepare(t, (config) => (config.linux.sysctl = { [name]: "0" }));
    t.equal(c.run().status, 1, name);
  }
});
