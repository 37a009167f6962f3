import type { Spec } from "../spec/types.ts";

/**
 * Host uid to give the container's cgroup to, so that the container can manage cgroups of its own:
 * only with a cgroup namespace of its own and a writable cgroup mount at /sys/fs/cgroup
 * (runtime-spec, config-linux.md, "Cgroup ownership"). null: the cgroup stays root's.
 */
export function cgroupOwner(spec: Spec): number | null {
  const own = spec.linux?.namespaces?.find(({ type }) => type === "cgroup");
  if (own === undefined || own.path) return null;
  const mount = spec.mounts?.findLast(
    ({ destination }) => destination.replace(/(.)\/+$/, "$1") === "/sys/fs/cgroup",
  );
  if (mount === undefined || !["cgroup", "cgroup2"].includes(mount.type ?? "")) return null;
  if (mount.options?.findLast((option) => option === "ro" || option === "rw") === "ro") return null;
  return hostUid(spec, spec.process?.user?.uid ?? 0);
}

function hostUid(spec: Spec, uid: number): number | null {
  if (!spec.linux?.namespaces?.some(({ type }) => type === "user")) return uid;
  const range = spec.linux.uidMappings?.find(
    ({ containerID, size }) => uid >= containerID && uid < containerID + size,
  );
  return range === undefined ? null : range.hostID + uid - range.containerID;
}
