import type { DeviceAccess } from "../devices.ts";
import type { CgroupWrite } from "../resources.ts";
import { annotatedProperties } from "./annotations.ts";
import type { Instance } from "./connection.ts";
import type { SystemdFacts } from "./manager.ts";
import { deviceProperties, propertiesOfWrites, type UnitProperty } from "./properties.ts";
import { expandSlice, readUnitName } from "./unit.ts";

/** The scope of a container, as it will be asked for; its process is added then. */
export type ScopePlan = {
  readonly instance: Instance;
  readonly unit: string;
  /** Where its cgroup is below the root of the tree. */
  readonly controlGroup: string;
  readonly properties: readonly UnitProperty[];
};

export type SystemdOptions = SystemdFacts & {
  /** Those of config.json, for org.systemd.property.*. */
  readonly annotations?: Readonly<Record<string, string>>;
};

type ScopeOptions = {
  readonly id: string;
  readonly systemd: SystemdOptions;
  readonly writes: readonly CgroupWrite[];
  readonly rules: readonly DeviceAccess[];
};

/** Plans the scope that linux.cgroupsPath names. */
export function planScope(cgroupsPath: string | undefined, options: ScopeOptions): ScopePlan {
  const { id, systemd, writes, rules } = options;
  const { instance, version, controlGroup, annotations } = systemd;
  const { unit, slice } = readUnitName(cgroupsPath, { id, user: instance === "user" });
  return {
    instance,
    unit,
    controlGroup: `${controlGroup}${expandSlice(slice)}/${unit}`,
    properties: [
      ["Description", "s", `libcontainer container ${id}`],
      ["Slice", "s", slice],
      // Without accounting systemd would not enable the controllers.
      ["MemoryAccounting", "b", true],
      ["CPUAccounting", "b", true],
      ["IOAccounting", "b", true],
      ["TasksAccounting", "b", true],
      // A container is not ended before the services that may need it.
      ["DefaultDependencies", "b", false],
      ["Delegate", "b", true],
      ...deviceProperties(rules),
      ...propertiesOfWrites(writes, version),
      ...annotatedProperties(annotations),
    ],
  };
}
