// Rules of config-linux.md but for namespaces, control groups and seccomp.
import type { Device } from "../types.ts";
import { addNamespace } from "./config.ts";
import {
  checkNumbers,
  type Details,
  type Draft,
  each,
  eachDuplicate,
  isNumberList,
  namespaceOf,
  quote,
  type Rule,
  type SpecDraft,
  token,
} from "./rule.ts";

const devices = "config-linux.md#devices";
const rdt = "config-linux.md#intelrdt";

const ipcSysctls = new Set(
  ["msgmax", "msgmnb", "msgmni", "sem", "shmall", "shmmax", "shmmni", "shm_rmid_forced"].map(
    (name) => `kernel.${name}`,
  ),
);

export const linuxRules: readonly Rule[] = [
  {
    id: "device-path-absolute",
    section: devices,
    severity: "error",
    create: "accept",
    check({ linux }, report) {
      each(linux?.devices, ({ path }, index) => {
        if (path === undefined || path.startsWith("/")) return;
        const details = { expected: "an absolute path in the container", got: quote(path) };
        report(`/linux/devices/${index}/path`, "is not absolute", details);
      });
    },
  },
  {
    id: "device-number-required",
    section: devices,
    severity: "error",
    create: "accept",
    check({ linux }, report) {
      each(linux?.devices, (device, index) => {
        if (device.type === undefined || device.type === "p") return;
        for (const field of ["major", "minor"] as const) {
          if (device[field] !== undefined) continue;
          const message = `is required for a device of type ${device.type}; 0 is taken`;
          report(`/linux/devices/${index}/${field}`, message, { expected: "the device's number" });
        }
      });
    },
  },
  {
    id: "device-number-range",
    section: devices,
    severity: "error",
    create: "accept",
    check({ linux }, report) {
      each(linux?.devices, ({ major = 0, minor = 0 }, index) => {
        const pointer = `/linux/devices/${index}`;
        checkNumbers(pointer, { major, minor }, report);
      });
    },
  },
  {
    id: "device-file-mode",
    section: devices,
    severity: "error",
    create: "accept",
    check({ linux }, report) {
      each(linux?.devices, ({ fileMode = 0 }, index) => {
        // Engines write what stat(2) says, with the type of the file.
        if (fileMode <= 0o177777) return;
        const details = { expected: "0 to 65535 (octal 177777)", got: String(fileMode) };
        report(`/linux/devices/${index}/fileMode`, "has more bits than a file mode", details);
      });
    },
  },
  {
    id: "device-owner",
    section: devices,
    severity: "error",
    create: "accept",
    check({ linux }, report) {
      each(linux?.devices, (device, index) => {
        for (const field of ["uid", "gid"] as const) {
          if (device[field] !== 0xffff_ffff) continue;
          const details = { expected: "0 to 4294967294", got: String(device[field]) };
          report(`/linux/devices/${index}/${field}`, "is no id", details);
        }
      });
    },
  },
  {
    id: "device-duplicate",
    section: devices,
    severity: "warning",
    create: "accept",
    check({ linux }, report) {
      eachDuplicate(
        linux?.devices,
        ({ path }) => path,
        (index, path, first) => {
          report(`/linux/devices/${index}/path`, `${path} is devices[${first}] already`);
        },
      );
      const numbers = ({ type, major, minor }: Draft<Device>): string | undefined =>
        type === "p" || major === undefined || minor === undefined
          ? undefined
          : `${type === "b" ? "b" : "c"} ${major}:${minor}`;
      eachDuplicate(linux?.devices, numbers, (index, name, first) => {
        report(`/linux/devices/${index}`, `is the same device, ${name}, as devices[${first}]`);
      });
    },
  },
  {
    id: "paths-need-mount-namespace",
    section: "config-linux.md#masked-paths",
    severity: "error",
    create: "refuse",
    check(spec, report) {
      if (namespaceOf(spec, "mount")) return;
      for (const field of ["maskedPaths", "readonlyPaths"] as const) {
        if (!spec.linux?.[field]?.length) continue;
        const message = "unable to restrict sys entries without a private MNT namespace";
        report(`/linux/${field}`, message, addNamespace("mount"));
      }
    },
  },
  {
    id: "paths-absolute",
    section: "config-linux.md#masked-paths",
    severity: "error",
    create: "accept",
    check({ linux }, report) {
      for (const field of ["maskedPaths", "readonlyPaths"] as const) {
        each(linux?.[field], (path, index) => {
          if (path.startsWith("/")) return;
          const details = { expected: "an absolute path in the container", got: quote(path) };
          report(`/linux/${field}/${index}`, "is not absolute", details);
        });
      }
    },
  },
  {
    id: "sysctl-namespaced",
    on: ["linux", "sysctl"],
    section: "config-linux.md#sysctl",
    severity: "error",
    create: "refuse",
    check(spec, report) {
      for (const key of Object.keys(spec.linux?.sysctl ?? {})) {
        const problem = sysctlProblem(dotted(key), spec);
        if (problem) report(`/linux/sysctl/${token(key)}`, problem.message, problem.details);
      }
    },
  },
  {
    id: "intel-rdt-clos-id",
    on: ["linux", "intelRdt"],
    section: rdt,
    severity: "error",
    create: "refuse",
    check({ linux }, report) {
      const closID = linux?.intelRdt?.closID;
      if (closID === undefined || (closID !== "." && closID !== ".." && !/^.+\/|\/./.test(closID)))
        return;
      const details = { expected: 'the name of a directory, or "/"', got: quote(closID) };
      report("/linux/intelRdt/closID", `invalid intelRdt.ClosID ${quote(closID)}`, details);
    },
  },
  {
    id: "intel-rdt-schema",
    on: ["linux", "intelRdt"],
    section: rdt,
    severity: "error",
    create: "accept",
    check({ linux }, report) {
      const { l3CacheSchema, memBwSchema, schemata } = linux?.intelRdt ?? {};
      for (const [field, value, start] of [
        ["l3CacheSchema", l3CacheSchema, "L3:"],
        ["memBwSchema", memBwSchema, "MB:"],
      ] as const) {
        if (!value || (value.startsWith(start) && !value.includes("\n"))) continue;
        const details = { expected: `one line that starts with ${start}`, got: quote(value) };
        report(`/linux/intelRdt/${field}`, "is not a schema of its kind", details);
      }
      each(schemata, (line, index) => {
        if (!line.includes("\n")) return;
        report(`/linux/intelRdt/schemata/${index}`, "has more than one line", {
          expected: "one element for each line",
        });
      });
    },
  },
  {
    id: "memory-policy-nodes",
    on: ["linux", "memoryPolicy"],
    section: "config-linux.md#memory-policy",
    severity: "error",
    create: "refuse",
    check({ linux }, report) {
      const { mode, nodes = "" } = linux?.memoryPolicy ?? {};
      if (mode === undefined) return;
      const pointer = "/linux/memoryPolicy/nodes";
      if (nodes !== "" && !isNumberList(nodes)) {
        const message = `invalid memory policy nodes ${quote(nodes)}`;
        report(pointer, message, { expected: 'a list such as "0-3,7"', got: quote(nodes) });
      } else if (["MPOL_DEFAULT", "MPOL_LOCAL"].includes(mode) && nodes !== "") {
        report(pointer, "memory policy mode requires 0 nodes", {
          expected: `nothing with ${mode}`,
          got: quote(nodes),
        });
      } else if (
        mode !== "MPOL_PREFERRED" &&
        !["MPOL_DEFAULT", "MPOL_LOCAL"].includes(mode) &&
        nodes === ""
      ) {
        const message = "memory policy mode requires at least one node but got 0";
        report(pointer, message, { expected: `a list such as "0-3,7" with ${mode}` });
      }
    },
  },
  {
    id: "personality-flags",
    on: ["linux", "personality"],
    section: "config-linux.md#personality",
    severity: "warning",
    create: "warn",
    check({ linux }, report) {
      if (!linux?.personality?.flags?.length) return;
      report(
        "/linux/personality/flags",
        "ignoring unsupported personality flags: the specification defines none",
      );
    },
  },
  {
    id: "other-platform",
    section: "config.md#platform-specific-configuration",
    severity: "warning",
    create: "accept",
    check(spec, report) {
      for (const platform of otherPlatforms) {
        if (!Object.hasOwn(spec, platform)) continue;
        report(`/${platform}`, `is for another platform and without effect on Linux`);
      }
    },
  },
];

/** Sections of config.json that are not for Linux. */
export const otherPlatforms = ["freebsd", "solaris", "vm", "windows", "zos"] as const;

// sysctl(8): where the first separator is a slash, dots belong to the names.
function dotted(key: string): string {
  const first = /[./]/.exec(key)?.[0];
  if (first !== "/") return key;
  return key.replaceAll(/[./]/g, (separator) => (separator === "/" ? "." : "/"));
}

function sysctlProblem(
  key: string,
  spec: SpecDraft,
): { message: string; details: Details } | undefined {
  const needs = (type: string, message: string): ReturnType<typeof sysctlProblem> =>
    namespaceOf(spec, type) ? undefined : { message, details: addNamespace(type) };
  const name = quote(key);
  if (ipcSysctls.has(key) || key.startsWith("fs.mqueue.")) {
    return needs("ipc", `sysctl ${name} is not allowed in the hosts ipc namespace`);
  }
  if (key.startsWith("net."))
    return needs("network", `sysctl ${name} not allowed in host network namespace`);
  if (key.startsWith("user.")) {
    return needs("user", `setting ucounts without a user namespace not allowed: ${key}`);
  }
  if (key === "kernel.domainname")
    return needs("uts", `sysctl ${name} is not in a separate kernel namespace`);
  if (key === "kernel.hostname" && namespaceOf(spec, "uts")) {
    const message = `sysctl ${name} is not allowed as it conflicts with the OCI "hostname" field`;
    return { message, details: { hint: "set hostname instead" } };
  }
  const expected =
    "a sysctl of a namespace: net.*, fs.mqueue.*, user.*, kernel.domainname or of IPC";
  return {
    message: `sysctl ${name} is not in a separate kernel namespace`,
    details: { expected },
  };
}
