import { placesIn } from "../criu/destinations.ts";
import type { PlacedMount } from "../criu/external.ts";
import type { HostFacts } from "../host/facts.ts";
import { listBoundMounts, refuseIdmapped } from "../plan/bound-mounts.ts";
import { listBoundDevices } from "../plan/devices.ts";
import { chooseNamespaces } from "../plan/namespaces.ts";
import type { ValidSpec } from "../spec/types.ts";

export type PlacedMountsOptions = {
  readonly rootfs: string;
  readonly bundle: string;
  readonly cgroupPath: string | null;
  readonly facts: HostFacts;
  /** The directory of the container's notify socket, when it has one. */
  readonly notify: string | null;
};

/** The binds of a container with the places that they really have in it; the same at checkpoint and restore. */
export function placedMounts(spec: ValidSpec, options: PlacedMountsOptions): PlacedMount[] {
  const { rootfs, bundle, cgroupPath, facts, notify } = options;
  const namespaces = chooseNamespaces(spec.linux);
  const mounts = listBoundMounts(spec, { namespaces, facts, options: { bundle, cgroupPath } });
  refuseIdmapped(mounts);
  const destinations = mounts.map(({ destination }) => destination);
  const places = placesIn(rootfs, destinations);
  return [
    ...mounts.map(({ source }, index) => ({ source, place: places[index]! })),
    ...listBoundDevices(spec, { namespaces, facts }).map((path) => ({ source: path, place: path })),
    ...(notify === null ? [] : [{ source: notify, place: "/run/notify" }]),
  ];
}
