import { TsrunError } from "../../errors.ts";

/** The systemd unit of a container. */
export type UnitName = {
  /** As systemd names it, e.g. "runc-web.scope". */
  readonly unit: string;
  /** The slice it is in, e.g. "machine-web.slice". */
  readonly slice: string;
};

const pointer = "/linux/cgroupsPath";

/** Reads linux.cgroupsPath as "slice:prefix:name"; what is left out is chosen as runc does. */
export function readUnitName(
  cgroupsPath: string | undefined,
  options: { id: string; user: boolean },
): UnitName {
  const parts = cgroupsPath ? cgroupsPath.split(":") : ["", "runc", options.id];
  const [slice, prefix, name] = parts;
  if (parts.length !== 3 || slice === undefined || !name) throw notThreeParts(cgroupsPath ?? "");
  if (name.endsWith(".slice")) {
    throw new TsrunError(
      "CONFIG_UNSUPPORTED",
      `cgroupsPath names the slice ${JSON.stringify(name)}: a container is a scope, as a slice holds no processes`,
      { pointer, hint: "end the name with something else than .slice" },
    );
  }
  return {
    unit: `${prefix ? `${prefix}-` : ""}${name}.scope`,
    slice: slice || (options.user ? "user.slice" : "system.slice"),
  };
}

/** The cgroup of a slice: a dash in its name is a level, "a-b.slice" is "/a.slice/a-b.slice". */
export function expandSlice(slice: string): string {
  if (slice === "-.slice") return "";
  const stem = slice.endsWith(".slice") ? slice.slice(0, -".slice".length) : "";
  const levels = stem.split("-");
  if (stem.includes("/") || levels.includes("")) {
    throw new TsrunError("CONFIG_INVALID", `invalid slice name: ${slice}`, {
      pointer,
      hint: 'a slice is named like "machine.slice" or, within it, "machine-web.slice"',
    });
  }
  return levels.map((_, index) => `/${levels.slice(0, index + 1).join("-")}.slice`).join("");
}

function notThreeParts(path: string): TsrunError {
  return new TsrunError(
    "CONFIG_INVALID",
    `expected cgroupsPath to be of format "slice:prefix:name" for systemd cgroups, got ${JSON.stringify(path)} instead`,
    {
      pointer,
      hint: 'write one such as "system.slice:tsrun:web", leave cgroupsPath out, or run without --systemd-cgroup',
    },
  );
}
