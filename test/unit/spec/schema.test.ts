import t from "tap";
import { parseJson } from "../../../src/spec/json.ts";
import { checkSchema } from "../../../src/spec/schema/check.ts";
import { spec as specSchema } from "../../../src/spec/schema/spec.ts";
import { fixture, raw, write } from "./configs.ts";
import { full } from "./full.ts";

type Case = [where: string, value: unknown, rule: string, message?: string];

const missing = Symbol("missing");

const cases: Case[] = [
  // config.md
  ["/ociVersion", 1, "type"],
  ["/root", "rootfs", "type", "must be an object"],
  ["/root/path", missing, "required"],
  ["/root/readonly", "true", "type", "must be true or false"],
  ["/mounts", {}, "type", "must be an array"],
  ["/mounts/0", "/proc", "type"],
  ["/mounts/0/destination", missing, "required"],
  ["/mounts/0/destination", "/a\0b", "nul-byte"],
  ["/mounts/0/source", "\0", "nul-byte"],
  ["/mounts/0/type", 1, "type"],
  ["/mounts/0/options", "ro", "type", "must be an array"],
  ["/mounts/0/options/0", 5, "type"],
  ["/mounts/0/uidMappings/0/size", missing, "required"],
  ["/mounts/0/gidMappings/0/hostID", -1, "range"],
  ["/process", [], "type"],
  ["/process/terminal", 1, "type"],
  ["/process/consoleSize/height", -1, "range"],
  ["/process/consoleSize/width", missing, "required"],
  ["/process/user", "root", "type"],
  ["/process/user/uid", "0", "type"],
  ["/process/user/uid", -1, "range", "unsigned 32-bit integer"],
  ["/process/user/gid", 4294967296, "range"],
  ["/process/user/umask", 0.5, "type"],
  ["/process/user/additionalGids/0", null, "type"],
  ["/process/args/0", "a\0", "nul-byte"],
  ["/process/args", [["sh"]], "type"],
  ["/process/env/0", "A=\0", "nul-byte"],
  ["/process/cwd", 1, "type"],
  ["/process/capabilities/bounding", "CAP_KILL", "type"],
  ["/process/rlimits/0/type", "RLIMIT_CORES", "unknown-value"],
  ["/process/rlimits/0/type", missing, "required"],
  ["/process/rlimits/0/soft", -1, "range"],
  ["/process/rlimits/0/hard", 2n ** 64n, "range"],
  ["/process/rlimits/0/hard", raw("1e3"), "type", "must be an unsigned 64-bit integer"],
  ["/process/noNewPrivileges", "yes", "type"],
  ["/process/oomScoreAdj", 2n ** 60n, "range"],
  ["/process/scheduler/policy", "SCHED_FAST", "unknown-value"],
  ["/process/scheduler/policy", missing, "required"],
  ["/process/scheduler/flags/0", "RECLAIM", "unknown-value"],
  ["/process/scheduler/nice", 2147483648, "range"],
  ["/process/scheduler/runtime", -1, "range"],
  ["/process/ioPriority/class", "IOPRIO_CLASS_NONE", "unknown-value"],
  ["/process/execCPUAffinity/initial", 0, "type"],
  ["/hostname", {}, "type"],
  ["/domainname", 1, "type"],
  ["/hooks", [], "type"],
  ["/hooks/prestart", {}, "type"],
  ["/hooks/poststop/0/path", missing, "required"],
  ["/hooks/createRuntime/0/timeout", raw("1.0"), "type"],
  ["/hooks/startContainer/0/args/0", 1, "type"],
  ["/annotations/a", 1, "type"],
  ["/annotations", ["a"], "type"],
  // config-linux.md
  ["/linux", [], "type"],
  ["/linux/namespaces/0/type", "net", "unknown-value"],
  ["/linux/namespaces/0/type", missing, "required"],
  ["/linux/namespaces/0/path", 1, "type"],
  ["/linux/uidMappings/0/containerID", missing, "required"],
  ["/linux/gidMappings/0/hostID", 4294967296, "range"],
  ["/linux/sysctl/net.a", 1, "type"],
  ["/linux/cgroupsPath", "/a\0", "nul-byte"],
  ["/linux/devices/0/type", "d", "unknown-value"],
  ["/linux/devices/0/path", missing, "required"],
  ["/linux/devices/0/major", "1", "type"],
  ["/linux/devices/0/fileMode", -1, "range"],
  ["/linux/netDevices/eth0/name", 1, "type"],
  ["/linux/rootfsPropagation", "rsalve", "unknown-value"],
  ["/linux/maskedPaths/0", 1, "type"],
  ["/linux/readonlyPaths", "/proc", "type"],
  ["/linux/mountLabel", 1, "type"],
  ["/linux/intelRdt/enableMonitoring", 1, "type"],
  ["/linux/intelRdt/schemata", "L3:0=f", "type"],
  ["/linux/memoryPolicy/mode", "BIND", "unknown-value"],
  ["/linux/memoryPolicy/flags/0", "STATIC", "unknown-value"],
  ["/linux/personality/domain", "LINUX64", "unknown-value"],
  ["/linux/personality/domain", missing, "required"],
  ["/linux/timeOffsets/boottime/secs", 2n ** 63n, "range"],
  ["/linux/timeOffsets/boottime/nanosecs", -1, "range"],
  // config-linux.md, Control groups
  ["/linux/resources/devices/0/allow", missing, "required"],
  ["/linux/resources/devices/0/type", "u", "unknown-value"],
  ["/linux/resources/devices/0/access", 7, "type"],
  ["/linux/resources/memory/limit", "1G", "type"],
  ["/linux/resources/memory/limit", 2n ** 63n, "range"],
  ["/linux/resources/memory/swappiness", -1, "range"],
  ["/linux/resources/memory/disableOOMKiller", 0, "type"],
  ["/linux/resources/cpu/shares", -1, "range"],
  ["/linux/resources/cpu/quota", raw("1e5"), "type"],
  ["/linux/resources/cpu/cpus", 0, "type"],
  ["/linux/resources/pids/limit", "max", "type"],
  ["/linux/resources/blockIO/weight", 65536, "range"],
  ["/linux/resources/blockIO/weightDevice/0/major", missing, "required"],
  ["/linux/resources/blockIO/throttleReadBpsDevice/0/rate", missing, "required"],
  ["/linux/resources/blockIO/throttleWriteIOPSDevice/0/rate", -1, "range"],
  ["/linux/resources/hugepageLimits/0/pageSize", missing, "required"],
  ["/linux/resources/hugepageLimits/0/limit", 2n ** 64n, "range"],
  ["/linux/resources/network/classID", 4294967296, "range"],
  ["/linux/resources/network/priorities/0/name", missing, "required"],
  ["/linux/resources/rdma/mlx5_1/hcaHandles", -1, "range"],
  ["/linux/resources/unified/memory.high", 1, "type"],
  // config-linux.md, Seccomp
  ["/linux/seccomp/defaultAction", missing, "required"],
  ["/linux/seccomp/defaultAction", "ALLOW", "unknown-value"],
  ["/linux/seccomp/defaultErrnoRet", -1, "range"],
  ["/linux/seccomp/architectures/0", "x86_64", "unknown-value"],
  ["/linux/seccomp/flags/0", "LOG", "unknown-value"],
  ["/linux/seccomp/listenerPath", "\0", "nul-byte"],
  ["/linux/seccomp/syscalls", {}, "type"],
  ["/linux/seccomp/syscalls/0/names", missing, "required"],
  ["/linux/seccomp/syscalls/0/names", "read", "type"],
  ["/linux/seccomp/syscalls/0/names/0", "re\0ad", "nul-byte"],
  ["/linux/seccomp/syscalls/0/action", "SCMP_ACT_DENY", "unknown-value"],
  ["/linux/seccomp/syscalls/0/args/0/index", missing, "required"],
  ["/linux/seccomp/syscalls/0/args/0/value", -1, "range"],
  ["/linux/seccomp/syscalls/0/args/0/value", 2n ** 64n, "range"],
  ["/linux/seccomp/syscalls/0/args/0/op", "EQ", "unknown-value"],
];

/** The full configuration with one value replaced, as JSON.parse gives it. */
function withValue(where: string, value: unknown): unknown {
  const copy = structuredClone(full) as Record<string, unknown>;
  const path = where.slice(1).split("/");
  const last = path.pop()!;
  let parent = copy;
  for (const part of path) parent = parent[part] as Record<string, unknown>;
  if (value === missing) delete parent[last];
  else parent[last] = value;
  return parseJson(write(copy));
}

t.test("a configuration with every field of the specification passes", async (t) => {
  const value = parseJson(write(full));
  t.strictSame(checkSchema(value), []);
  t.ok(specSchema.fits(value));
});

for (const [where, value, rule, message] of cases) {
  const shown = value === missing ? "nothing" : write(value).slice(0, 40);
  t.test(`${where} is not ${shown}`, async (t) => {
    const wrong = withValue(where, value);
    const issues = checkSchema(wrong);
    const issue = issues.find(({ pointer }) => pointer.startsWith(where));
    t.ok(issue, `found at ${JSON.stringify(issues.map(({ pointer }) => pointer))}`);
    t.equal(issue?.rule, rule);
    t.equal(issues.length, 1, "and nothing else");
    if (message) t.match(issue?.message, message);
    t.ok(issue?.expected);
    if (value !== missing) t.ok(issue?.got);
    t.notOk(specSchema.fits(wrong), "the fast test sees it too");
  });
}

t.test("unknown fields pass everywhere", async (t) => {
  const value = parseJson(write(full)) as typeof full;
  for (const place of [value, value.process, value.linux, value.linux.seccomp, value.mounts[0]!]) {
    Object.assign(place, { "x-unknown": { a: [1.5, null] } });
  }
  t.ok(specSchema.fits(value));
  t.strictSame(checkSchema(value), []);
});

t.test("a value that is no object at all is told so", async (t) => {
  for (const value of [null, [], "x", 1, true]) {
    t.notOk(specSchema.fits(value));
    const [issue] = checkSchema(value);
    t.equal(issue?.pointer, "");
    t.match(issue?.message, "must be an object");
  }
});

t.test("hints for what people do", async (t) => {
  const hint = (where: string, value: unknown) => checkSchema(withValue(where, value))[0]?.hint;
  t.equal(hint("/linux/namespaces/0/type", "netwrok"), 'did you mean "network"?');
  t.equal(hint("/linux/seccomp/defaultAction", "scmp_act_allow"), 'did you mean "SCMP_ACT_ALLOW"?');
  t.equal(hint("/process/user/uid", "1000"), "write the number without quotes");
  t.equal(hint("/process/user/uid", raw("1e3")), "write 1000");
  t.equal(hint("/process/args/0", null), "leave the field out where it has no value");
});

t.test("the fast test and the schema agree on configurations with one part broken", async (t) => {
  const parts = [null, true, -1, 1.5, 2 ** 60, "", "x\0", [], {}, [null], { a: 1 }];
  let differ = 0;
  const breakEach = (value: unknown, whole: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    const parent = value as Record<string, unknown>;
    for (const key of Object.keys(parent)) {
      const kept = parent[key];
      for (const part of parts) {
        parent[key] = part;
        if (specSchema.fits(whole) !== (checkSchema(whole).length === 0)) {
          differ++;
          t.fail(`they differ with ${JSON.stringify(part)} for ${key}`);
        }
      }
      parent[key] = kept;
      breakEach(kept, whole);
    }
  };
  const value = parseJson(write(full));
  breakEach(value, value);
  t.equal(differ, 0);
});

t.test("configurations of engines pass", async (t) => {
  for (const name of ["containerd", "docker", "podman", "runc-spec"]) {
    const value = parseJson(fixture(name));
    t.ok(specSchema.fits(value), name);
    t.strictSame(checkSchema(value), [], name);
  }
});
