// Rules of config-linux.md, Control groups. What the host has, or lacks, is for the cgroup driver to say.
import type { Int } from "../types.ts";
import {
  checkNumbers,
  each,
  eachDuplicate,
  isNumberList,
  quote,
  type Report,
  type Rule,
  token,
} from "./rule.ts";

const memorySection = "config-linux.md#memory";
const cpuSection = "config-linux.md#cpu";
const ioSection = "config-linux.md#block-io";
const base = "/linux/resources";

export const resourceRules: readonly Rule[] = [
  {
    id: "device-rule-access",
    on: ["linux", "resources"],
    section: "config-linux.md#allowed-device-list",
    severity: "error",
    create: "refuse",
    check({ linux }, report) {
      each(linux?.resources?.devices, ({ allow, access }, index) => {
        const pointer = `${base}/devices/${index}/access`;
        if (!access)
          report(pointer, `device access at ${index} field cannot be empty`, {
            expected: expectedAccess,
          });
        else if (allow === true) checkAccess(access, pointer, report);
      });
    },
  },
  {
    id: "device-rule-denied-access",
    on: ["linux", "resources"],
    section: "config-linux.md#allowed-device-list",
    severity: "error",
    // As runc: what does not exist need not be denied.
    create: "accept",
    check({ linux }, report) {
      each(linux?.resources?.devices, ({ allow, access }, index) => {
        if (allow !== true && access)
          checkAccess(access, `${base}/devices/${index}/access`, report);
      });
    },
  },
  {
    id: "device-rule-number",
    on: ["linux", "resources"],
    section: "config-linux.md#allowed-device-list",
    severity: "error",
    // The device program refuses it where it is about to be made.
    create: "accept",
    check({ linux }, report) {
      each(linux?.resources?.devices, (rule, index) => {
        for (const field of ["major", "minor"] as const) {
          const number = rule[field] ?? 0;
          if (number >= -1 && number <= 0xffff_ffff) continue;
          const details = { expected: "0 to 4294967295, or -1 for any", got: String(number) };
          report(`${base}/devices/${index}/${field}`, "is no device number", details);
        }
      });
    },
  },
  {
    id: "memory-limit-negative",
    on: ["linux", "resources"],
    section: memorySection,
    severity: "error",
    create: "accept",
    check({ linux }, report) {
      const memory = linux?.resources?.memory;
      for (const field of ["limit", "reservation", "swap", "kernel", "kernelTCP"] as const) {
        const value = memory?.[field];
        if (value === undefined || value >= -1) continue;
        const details = { expected: "bytes, or -1 for no limit", got: String(value) };
        report(`${base}/memory/${field}`, "is no limit", details);
      }
    },
  },
  {
    id: "memory-swap-below-limit",
    on: ["linux", "resources"],
    section: memorySection,
    severity: "error",
    // The driver refuses it where it is about to be written.
    create: "accept",
    check({ linux }, report) {
      const { limit = 0, swap = 0 } = linux?.resources?.memory ?? {};
      if (swap <= 0) return;
      const expected = "at least the memory limit: swap is memory and swap together";
      if (limit === 0) {
        report(`${base}/memory/swap`, "swap is limited and memory is not", {
          expected: "a memory limit too",
        });
      } else if (limit > 0 && swap < limit) {
        report(`${base}/memory/swap`, "is below the memory limit", { expected, got: String(swap) });
      }
    },
  },
  {
    id: "memory-kernel-deprecated",
    on: ["linux", "resources"],
    section: memorySection,
    severity: "warning",
    create: "warn",
    check({ linux }, report) {
      const { kernel = 0, kernelTCP = 0 } = linux?.resources?.memory ?? {};
      const message = "Kernel memory settings are ignored and will be removed";
      if (isSet(kernel)) report(`${base}/memory/kernel`, message);
      if (isSet(kernelTCP)) report(`${base}/memory/kernelTCP`, message);
    },
  },
  {
    id: "memory-swappiness-range",
    on: ["linux", "resources"],
    section: memorySection,
    severity: "error",
    create: "accept",
    check({ linux }, report) {
      const swappiness = linux?.resources?.memory?.swappiness;
      if (swappiness === undefined || swappiness <= 100) return;
      report(`${base}/memory/swappiness`, "is out of range", {
        expected: "0 to 100",
        got: String(swappiness),
      });
    },
  },
  {
    id: "cgroup-v1-only",
    on: ["linux", "resources"],
    section: "config-linux.md#control-groups",
    severity: "warning",
    create: "accept",
    check({ linux }, report) {
      const { memory, cpu, network, blockIO } = linux?.resources ?? {};
      const message = "is for cgroup v1 and without effect on v2";
      const tell = (pointer: string, value: unknown): void => {
        if (value !== undefined && value !== false && value !== 0)
          report(`${base}/${pointer}`, message);
      };
      tell("memory/swappiness", memory?.swappiness);
      tell("memory/disableOOMKiller", memory?.disableOOMKiller);
      tell("memory/useHierarchy", memory?.useHierarchy);
      tell("cpu/realtimeRuntime", cpu?.realtimeRuntime);
      tell("cpu/realtimePeriod", cpu?.realtimePeriod);
      tell("blockIO/leafWeight", blockIO?.leafWeight);
      if (network !== undefined && Object.keys(network).length > 0) tell("network", network);
    },
  },
  {
    id: "cpu-burst-above-quota",
    on: ["linux", "resources"],
    section: cpuSection,
    severity: "error",
    create: "accept",
    check({ linux }, report) {
      const { burst = 0, quota = 0 } = linux?.resources?.cpu ?? {};
      if (quota <= 0 || burst <= quota) return;
      report(`${base}/cpu/burst`, "is above the quota", {
        expected: `at most ${quota}`,
        got: String(burst),
      });
    },
  },
  {
    id: "cpu-list",
    on: ["linux", "resources"],
    section: cpuSection,
    severity: "error",
    create: "accept",
    check({ linux }, report) {
      for (const field of ["cpus", "mems"] as const) {
        const list = linux?.resources?.cpu?.[field];
        if (!list || isNumberList(list)) continue;
        report(`${base}/cpu/${field}`, "is not a list of numbers", {
          expected: 'a list such as "0-3,7"',
          got: quote(list),
        });
      }
    },
  },
  {
    id: "cpu-idle",
    on: ["linux", "resources"],
    section: cpuSection,
    severity: "error",
    create: "accept",
    check({ linux }, report) {
      const idle = linux?.resources?.cpu?.idle;
      if (idle === undefined || Number(idle) === 0 || Number(idle) === 1) return;
      report(`${base}/cpu/idle`, "is out of range", { expected: "0 or 1", got: String(idle) });
    },
  },
  {
    id: "blkio-weight-range",
    on: ["linux", "resources"],
    section: ioSection,
    severity: "error",
    create: "accept",
    check({ linux }, report) {
      const blockIO = linux?.resources?.blockIO;
      checkWeights(blockIO, `${base}/blockIO`, report);
      each(blockIO?.weightDevice, (device, index) => {
        checkWeights(device, `${base}/blockIO/weightDevice/${index}`, report);
      });
    },
  },
  {
    id: "blkio-weight-device",
    on: ["linux", "resources"],
    section: ioSection,
    severity: "error",
    create: "accept",
    check({ linux }, report) {
      each(linux?.resources?.blockIO?.weightDevice, ({ weight, leafWeight }, index) => {
        if (weight !== undefined || leafWeight !== undefined) return;
        report(`${base}/blockIO/weightDevice/${index}`, "gives the device no weight", {
          expected: "weight or leafWeight, or both",
        });
      });
    },
  },
  {
    id: "blkio-device-number",
    on: ["linux", "resources"],
    section: ioSection,
    severity: "error",
    create: "accept",
    check({ linux }, report) {
      const blockIO = linux?.resources?.blockIO;
      for (const field of blockIoDevices) {
        each<Numbers>(blockIO?.[field], (device, index) => {
          checkNumbers(`${base}/blockIO/${field}/${index}`, device, report);
        });
      }
    },
  },
  {
    id: "network-name",
    on: ["linux", "resources"],
    section: "config-linux.md#network",
    severity: "error",
    create: "accept",
    check({ linux }, report) {
      each(linux?.resources?.network?.priorities, ({ name }, index) => {
        if (name !== "") return;
        const expected = "the name of a network interface";
        report(`${base}/network/priorities/${index}/name`, "must not be empty", { expected });
      });
    },
  },
  {
    id: "hugepage-size",
    on: ["linux", "resources"],
    section: "config-linux.md#huge-page-limits",
    severity: "error",
    create: "accept",
    check({ linux }, report) {
      each(linux?.resources?.hugepageLimits, ({ pageSize }, index) => {
        if (pageSize === undefined || /^[1-9]\d*[KMG]B$/.test(pageSize)) return;
        const details = { expected: "a size such as 64KB, 2MB or 1GB", got: quote(pageSize) };
        report(
          `${base}/hugepageLimits/${index}/pageSize`,
          "is not the size of huge pages",
          details,
        );
      });
    },
  },
  {
    id: "hugepage-duplicate",
    on: ["linux", "resources"],
    section: "config-linux.md#huge-page-limits",
    severity: "warning",
    create: "accept",
    check({ linux }, report) {
      eachDuplicate(
        linux?.resources?.hugepageLimits,
        ({ pageSize }) => pageSize,
        (index, size, first) => {
          const message = `pages of ${size} are limited a second time; hugepageLimits[${first}] is without effect`;
          report(`${base}/hugepageLimits/${index}/pageSize`, message);
        },
      );
    },
  },
  {
    id: "rdma-limit",
    on: ["linux", "resources"],
    section: "config-linux.md#rdma",
    severity: "error",
    create: "accept",
    check({ linux }, report) {
      for (const [name, limits] of Object.entries(linux?.resources?.rdma ?? {})) {
        const pointer = `${base}/rdma/${token(name)}`;
        if (name === "") report(pointer, "has no name", { expected: "the name of a device" });
        if (
          limits === undefined ||
          limits.hcaHandles !== undefined ||
          limits.hcaObjects !== undefined
        )
          continue;
        const expected = "hcaHandles or hcaObjects, or both";
        report(pointer, "limits nothing", { expected });
      }
    },
  },
  {
    id: "unified-key",
    on: ["linux", "resources"],
    section: "config-linux.md#unified",
    severity: "error",
    create: "refuse",
    check({ linux }, report) {
      for (const key of Object.keys(linux?.resources?.unified ?? {})) {
        const pointer = `${base}/unified/${token(key)}`;
        const expected = "a file of a cgroup such as memory.high";
        if (key.includes("/")) {
          report(pointer, `unified resource ${quote(key)} must be a file name (no slashes)`, {
            expected,
          });
        } else if (!/^[^.]+\../.test(key)) {
          report(
            pointer,
            `unified resource ${quote(key)} must be in the form CONTROLLER.PARAMETER`,
            { expected },
          );
        }
      }
    },
  },
];

const blockIoDevices = [
  "weightDevice",
  "throttleReadBpsDevice",
  "throttleWriteBpsDevice",
  "throttleReadIOPSDevice",
  "throttleWriteIOPSDevice",
] as const;
type Numbers = { readonly major?: number; readonly minor?: number };

const expectedAccess = "a composition of r (read), w (write) and m (mknod)";

function checkAccess(access: string, pointer: string, report: Report): void {
  if (/^[rwm]+$/.test(access)) return;
  report(pointer, "has letters that are no kind of access", {
    expected: expectedAccess,
    got: quote(access),
  });
}

function isSet(value: Int): boolean {
  return Number(value) !== 0 && Number(value) !== -1;
}

type Weights = { readonly weight?: number; readonly leafWeight?: number };

function checkWeights(weights: Weights | undefined, pointer: string, report: Report): void {
  for (const field of ["weight", "leafWeight"] as const) {
    const weight = weights?.[field];
    // 0 is unset.
    if (!weight || (weight >= 10 && weight <= 1000)) continue;
    report(`${pointer}/${field}`, "is out of range", {
      expected: "10 to 1000",
      got: String(weight),
    });
  }
}
