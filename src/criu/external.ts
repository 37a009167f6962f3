// What of a container lies outside of it, by the names that CRIU knows it by from the checkpoint to the restore.
// The names are runc's, so that images go from one runtime to the other.
import type { BoundMount } from "../plan/bound-mounts.ts";
import type { Spec } from "../spec/types.ts";

export type Namespace = { readonly type: string; readonly path?: string };

/** Joined namespaces that CRIU leaves alone, and finds again through a descriptor at the restore. */
const externalTypes: Readonly<Record<string, { readonly kind: string; readonly key: string }>> = {
  network: { kind: "net", key: "extRootNetNS" },
  pid: { kind: "pid", key: "extRootPidNS" },
};

/** Joined namespaces that CRIU enters by itself at the restore. */
const joinedTypes: Readonly<Record<string, string>> = {
  mount: "mnt",
  ipc: "ipc",
  uts: "uts",
  user: "user",
};

/** The joined namespaces that are passed as descriptors, with the key of each. */
export function externalNamespaces(namespaces: readonly Namespace[]): {
  readonly kind: string;
  readonly key: string;
  readonly path: string;
  readonly index: number;
}[] {
  return namespaces.flatMap(({ type, path }, index) => {
    const known = externalTypes[type];
    return known !== undefined && path ? [{ ...known, path, index }] : [];
  });
}

/** The joined namespaces that CRIU opens by path. */
export function joinedNamespaces(
  namespaces: readonly Namespace[],
): { readonly ns: string; readonly ns_file: string }[] {
  return namespaces.flatMap(({ type, path }) => {
    const ns = joinedTypes[type];
    return ns !== undefined && path ? [{ ns, ns_file: path }] : [];
  });
}

/** Joined namespaces that CRIU cannot restore. */
export function refusedNamespace(namespaces: readonly Namespace[]): number | undefined {
  const index = namespaces.findIndex(
    ({ type, path }) => path && !(type in externalTypes) && !(type in joinedTypes),
  );
  return index < 0 ? undefined : index;
}

/** A mount of the host by the place that it has in the container. */
export type PlacedMount = Pick<BoundMount, "source"> & { readonly place: string };

const maskName = "/dev/null";

/** External mounts at the checkpoint: each place gets a name. */
export function dumpedMounts(
  mounts: readonly PlacedMount[],
  maskedFiles: readonly string[],
): string[] {
  return [
    ...mounts.map(({ place }) => `mnt[${place}]:${place}`),
    ...maskedFiles.map((path) => `mnt[${path}]:${maskName}`),
  ];
}

/** External mounts at the restore: each name gets what is to be mounted. */
export function restoredMounts(mounts: readonly PlacedMount[], { linux }: Spec): string[] {
  const masks = linux?.maskedPaths?.length ? [`mnt[${maskName}]:/dev/null`] : [];
  // A bound /dev/null and the masks have one name, and one source.
  return [...new Set([...mounts.map(({ place, source }) => `mnt[${place}]:${source}`), ...masks])];
}

/** Which masked paths are files: a masked directory has a file system of its own, a file is a bind of /dev/null. */
export function maskedFiles(maskedPaths: readonly string[], mountinfo: string): string[] {
  const roots = new Map(
    mountinfo.split("\n").map((line) => {
      const [, , , root, place] = line.split(" ");
      return [place, root] as const;
    }),
  );
  return maskedPaths.filter((path) => (roots.get(path) ?? "/") !== "/");
}
