import t from "tap";
import { CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWUSER, CLONE_NEWUTS } from "../../../src/linux.ts";
import { checkSysctl, planSysctl, sysctlPath } from "../../../src/plan/sysctl.ts";

const check = (key: string, all: number) => () =>
  checkSysctl({ [key]: "1" }, { created: all, joined: [], all, staged: false });

t.test("the separator that comes first decides what a dot is", async (t) => {
  t.equal(sysctlPath("net.ipv4.ip_forward"), "net/ipv4/ip_forward");
  t.equal(sysctlPath("net/ipv4/ip_forward"), "net/ipv4/ip_forward");
  t.equal(sysctlPath("net.ipv4.conf.eth0/1.mtu"), "net/ipv4/conf/eth0.1/mtu");
  t.equal(sysctlPath("net/ipv4/conf/eth0.1/mtu"), "net/ipv4/conf/eth0.1/mtu");
});

t.test("a sysctl belongs to a namespace of the container", async (t) => {
  t.doesNotThrow(check("kernel.shm_rmid_forced", CLONE_NEWIPC));
  t.doesNotThrow(check("fs.mqueue.msg_max", CLONE_NEWIPC));
  t.doesNotThrow(check("net/core/somaxconn", CLONE_NEWNET));
  t.doesNotThrow(check("user.max_user_namespaces", CLONE_NEWUSER));
  t.doesNotThrow(check("kernel.domainname", CLONE_NEWUTS));
});

t.test("or it is refused", async (t) => {
  t.throws(check("kernel.shmmax", CLONE_NEWNET), {
    message: 'sysctl "kernel.shmmax" is not allowed in the hosts ipc namespace',
    pointer: "/linux/sysctl/kernel.shmmax",
  });
  t.throws(check("net.core.somaxconn", CLONE_NEWIPC), {
    message: 'sysctl "net.core.somaxconn" not allowed in host network namespace',
  });
  t.throws(check("kernel.hostname", CLONE_NEWUTS), {
    message:
      'sysctl "kernel.hostname" is not allowed as it conflicts with the OCI "hostname" field',
  });
  for (const key of [
    "vm.overcommit_memory",
    "kernel.core_pattern",
    "kernel/domainname",
    "user.x",
  ]) {
    t.throws(check(key, CLONE_NEWNET), {
      message: `sysctl "${key}" is not in a separate kernel namespace`,
    });
  }
});

t.test("a name cannot leave its directory", async (t) => {
  t.throws(check("net/../kernel/core_pattern", CLONE_NEWNET), { message: /is not a valid name/ });
  t.throws(check("net./../kernel", CLONE_NEWNET), { message: /is not a valid name/ });
  t.throws(check("net..core", CLONE_NEWNET), { message: /is not a valid name/ });
});

t.test("the pointer to a name with slashes is escaped", async (t) => {
  t.match(planSysctl({ "net/a~b": "1" }, 3), [
    { op: "sysctl", proc: 3, file: "net/a~b", value: "1", origin: "/linux/sysctl/net~1a~0b" },
  ]);
});
