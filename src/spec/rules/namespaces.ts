// Rules of config-linux.md about namespaces and what needs them.
import { timeOffsetClocks } from "../tables.ts";
import type { IdMapping } from "../types.ts";
import { addNamespace } from "./config.ts";
import {
  type Draft,
  each,
  eachDuplicate,
  namespaceOf,
  quote,
  type Report,
  type Rule,
  type SpecDraft,
  token,
} from "./rule.ts";

const section = "config-linux.md#namespaces";
const mappings = "config-linux.md#user-namespace-mappings";
const clocks = "config-linux.md#offset-for-time-namespace";
const maxId = 0xffff_ffff;

export const namespaceRules: readonly Rule[] = [
  {
    id: "namespace-duplicate",
    section,
    severity: "error",
    create: "refuse",
    check({ linux }, report) {
      eachDuplicate(
        linux?.namespaces,
        ({ type }) => type,
        (index, type, first) => {
          const message = `malformed spec file: duplicated ns ${quote(type)}`;
          report(`/linux/namespaces/${index}/type`, message, {
            expected: "one entry for each type",
            hint: `namespaces[${first}] is one of that type already`,
          });
        },
      );
    },
  },
  {
    id: "namespace-path-absolute",
    section,
    severity: "error",
    create: "accept",
    check({ linux }, report) {
      each(linux?.namespaces, ({ path }, index) => {
        if (!path || path.startsWith("/")) return;
        const details = { expected: "an absolute path on the host", got: quote(path) };
        report(`/linux/namespaces/${index}/path`, "is not absolute", details);
      });
    },
  },
  {
    id: "user-namespace-needs-mappings",
    section: mappings,
    severity: "error",
    create: "refuse",
    check(spec, report) {
      const namespace = namespaceOf(spec, "user");
      if (namespace === undefined || namespace.path) return;
      const { uidMappings, gidMappings } = spec.linux ?? {};
      const missing = [
        ...(uidMappings?.length ? [] : ["uid"]),
        ...(gidMappings?.length ? [] : ["gid"]),
      ];
      if (missing.length === 0) return;
      const message = `user namespaces enabled, but no ${missing.join(" and ")} mappings found`;
      report(`/linux/${missing[0]}Mappings`, message, {
        expected:
          '[{"containerID": 0, "hostID": 100000, "size": 65536}], or a namespace path to join',
      });
    },
  },
  {
    id: "mappings-need-user-namespace",
    section: mappings,
    severity: "error",
    create: "refuse",
    check(spec, report) {
      if (namespaceOf(spec, "user")) return;
      for (const field of ["uidMappings", "gidMappings"] as const) {
        if (!spec.linux?.[field]?.length) continue;
        const message =
          "user namespace mappings specified, but user namespace isn't enabled in the config";
        report(`/linux/${field}`, message, addNamespace("user"));
      }
    },
  },
  {
    id: "mappings-and-path",
    section: mappings,
    severity: "error",
    // Containerd and CRI-O write both; the mappings of the joined namespace count.
    create: "accept",
    check(spec, report) {
      if (!namespaceOf(spec, "user")?.path) return;
      for (const field of ["uidMappings", "gidMappings"] as const) {
        if (!spec.linux?.[field]?.length) continue;
        const message = "is without effect: the user namespace that is joined has its own mappings";
        report(`/linux/${field}`, message, { hint: "leave it out" });
      }
    },
  },
  {
    id: "mapping-range",
    section: mappings,
    severity: "error",
    create: "refuse",
    check(spec, report) {
      for (const [pointer, list] of allMappings(spec)) checkRanges(pointer, list, report);
    },
  },
  {
    id: "mapping-overlap",
    section: mappings,
    severity: "error",
    create: "refuse",
    check(spec, report) {
      for (const [pointer, list] of allMappings(spec)) {
        checkOverlap(pointer, list, { field: "containerID", report });
        checkOverlap(pointer, list, { field: "hostID", report });
      }
    },
  },
  {
    id: "mapping-count",
    section: mappings,
    severity: "error",
    create: "refuse",
    check(spec, report) {
      for (const [pointer, list] of allMappings(spec)) {
        if (list.length <= maxMappings) continue;
        report(pointer, `has ${list.length} entries; the kernel takes ${maxMappings}`, {
          expected: `at most ${maxMappings} entries`,
          got: String(list.length),
          hint: "join ranges that follow one another",
        });
      }
    },
  },
  {
    id: "time-offsets-need-time-namespace",
    on: ["linux", "timeOffsets"],
    section: clocks,
    severity: "error",
    create: "refuse",
    check(spec, report) {
      if (spec.linux?.timeOffsets === undefined) return;
      const namespace = namespaceOf(spec, "time");
      if (namespace === undefined) {
        const message =
          "time namespace offsets specified, but time namespace isn't enabled in the config";
        report("/linux/timeOffsets", message, addNamespace("time"));
      } else if (namespace.path) {
        const message =
          "time namespace enabled, but both namespace path and time offsets specified -- you may only provide one";
        report("/linux/timeOffsets", message, { hint: "leave out one of them" });
      }
    },
  },
  {
    id: "time-offset-clock",
    on: ["linux", "timeOffsets"],
    section: clocks,
    severity: "error",
    create: "refuse",
    check({ linux }, report) {
      for (const [clock, offset] of Object.entries(linux?.timeOffsets ?? {})) {
        const pointer = `/linux/timeOffsets/${token(clock)}`;
        if (!(timeOffsetClocks as readonly string[]).includes(clock)) {
          report(pointer, `unknown clock ${quote(clock)}`, {
            expected: `one of ${timeOffsetClocks.join(", ")}`,
          });
        }
        const nanosecs = offset?.nanosecs ?? 0;
        if (nanosecs >= 1_000_000_000) {
          report(`${pointer}/nanosecs`, "is a second or more", {
            expected: "0 to 999999999",
            got: String(nanosecs),
          });
        }
      }
    },
  },
  {
    id: "net-devices-need-network-namespace",
    on: ["linux", "netDevices"],
    section: "config-linux.md#network-devices",
    severity: "error",
    create: "refuse",
    check(spec, report) {
      if (Object.keys(spec.linux?.netDevices ?? {}).length === 0 || namespaceOf(spec, "network"))
        return;
      report(
        "/linux/netDevices",
        "unable to move network devices without a NET namespace",
        addNamespace("network"),
      );
    },
  },
  {
    id: "net-device-name",
    on: ["linux", "netDevices"],
    section: "config-linux.md#network-devices",
    severity: "error",
    create: "refuse",
    check({ linux }, report) {
      for (const [name, device] of Object.entries(linux?.netDevices ?? {})) {
        const pointer = `/linux/netDevices/${token(name)}`;
        if (!isDeviceName(name))
          report(pointer, `invalid network device name ${quote(name)}`, deviceName);
        if (device?.name && !isDeviceName(device.name)) {
          report(
            `${pointer}/name`,
            `invalid network device name ${quote(device.name)}`,
            deviceName,
          );
        }
      }
    },
  },
];

/** Lines of uid_map and gid_map since Linux 4.15. */
const maxMappings = 340;

type Mappings = readonly (Draft<IdMapping> | undefined)[];

function allMappings({ linux, mounts }: SpecDraft): [pointer: string, mappings: Mappings][] {
  const found: [string, Mappings | undefined][] = [
    ["/linux/uidMappings", linux?.uidMappings],
    ["/linux/gidMappings", linux?.gidMappings],
  ];
  each(mounts, ({ uidMappings, gidMappings }, index) => {
    if (uidMappings || gidMappings) {
      found.push(
        [`/mounts/${index}/uidMappings`, uidMappings],
        [`/mounts/${index}/gidMappings`, gidMappings],
      );
    }
  });
  return found.filter((entry): entry is [string, Mappings] => Boolean(entry[1]?.length));
}

function checkRanges(pointer: string, list: Mappings, report: Report): void {
  each(list, ({ containerID = 0, hostID = 0, size }, index) => {
    if (size === undefined) return;
    if (size === 0)
      report(`${pointer}/${index}/size`, "maps no ids", { expected: "at least 1", got: "0" });
    // The last id stands for "no id" and cannot be mapped.
    for (const [field, start] of Object.entries({ containerID, hostID })) {
      if (start + size <= maxId) continue;
      const message = `${field} ${start} and size ${size} go beyond the last id`;
      report(`${pointer}/${index}/size`, message, {
        expected: `at most ${Math.max(0, maxId - start)}`,
        got: String(size),
      });
    }
  });
}

type OverlapOptions = { field: "containerID" | "hostID"; report: Report };

function checkOverlap(pointer: string, list: Mappings, { field, report }: OverlapOptions): void {
  const ranges: { index: number; start: number; end: number }[] = [];
  each(list, (mapping, index) => {
    const { [field]: start, size } = mapping;
    if (start !== undefined && size !== undefined) ranges.push({ index, start, end: start + size });
  });
  ranges.sort((a, b) => a.start - b.start);
  for (let at = 1; at < ranges.length; at++) {
    const [before, after] = [ranges[at - 1]!, ranges[at]!];
    if (after.start >= before.end) continue;
    const message = `its ids, from ${field} ${after.start} on, are mapped by [${before.index}] too`;
    const expected = `ranges of ${field} apart from one another`;
    report(`${pointer}/${after.index}/${field}`, message, { expected });
  }
}

const deviceName = { expected: "1 to 15 characters without slash, colon and white space" };

function isDeviceName(name: string): boolean {
  return name !== "." && name !== ".." && Buffer.byteLength(name) <= 15 && /^[^/:\s]+$/.test(name);
}
