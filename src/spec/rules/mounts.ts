// Rules of config.md, Mounts.
import { mountOptions } from "../mount-options.ts";
import { nearest } from "../nearest.ts";
import { type Draft, each, eachDuplicate, namespaceOf, quote, type Rule } from "./rule.ts";
import type { Mount } from "../types.ts";

const section = "config.md#mounts";

export const mountRules: readonly Rule[] = [
  {
    id: "mount-destination-empty",
    section,
    severity: "error",
    create: "refuse",
    check({ mounts }, report) {
      each(mounts, ({ destination }, index) => {
        if (destination !== "") return;
        const expected = "an absolute path in the container";
        report(`/mounts/${index}/destination`, "must not be empty", { expected });
      });
    },
  },
  {
    id: "mount-destination-absolute",
    section,
    severity: "warning",
    create: "warn",
    check({ mounts }, report) {
      each(mounts, ({ destination }, index) => {
        if (!destination || destination.startsWith("/")) return;
        report(`/mounts/${index}/destination`, `mount destination ${destination} is not absolute`, {
          expected: "an absolute path in the container",
          got: quote(destination),
          hint: `write ${quote(`/${destination}`)}`,
        });
      });
    },
  },
  {
    id: "mount-destination-duplicate",
    section,
    severity: "warning",
    create: "accept",
    check({ mounts }, report) {
      const nameOf = (mount: Draft<Mount>): string | undefined =>
        mount.options?.includes("remount")
          ? undefined
          : mount.destination?.replace(/(.)\/+$/, "$1");
      eachDuplicate(mounts, nameOf, (index, name, first) => {
        report(
          `/mounts/${index}/destination`,
          `covers mounts[${first}], which has the same destination ${quote(name)}`,
        );
      });
    },
  },
  {
    id: "mount-bind-data",
    section,
    severity: "error",
    create: "refuse",
    check({ mounts }, report) {
      eachOption(mounts, { ofBinds: true }, (option, pointer) => {
        if (Object.hasOwn(mountOptions, option) || option.includes("=")) return;
        const near = nearest(option, Object.keys(mountOptions));
        report(pointer, "bind mounts cannot have any filesystem-specific options applied", {
          expected: "an option that holds for one mount, such as ro or nosuid",
          got: quote(option),
          hint: near === undefined ? undefined : `did you mean ${quote(near)}?`,
        });
      });
    },
  },
  {
    id: "mount-bind-ignored",
    section,
    severity: "warning",
    create: "accept",
    check({ mounts }, report) {
      eachOption(mounts, { ofBinds: true }, (option, pointer) => {
        if (!option.includes("=")) return;
        report(pointer, `${quote(option)} is ignored: a bind mount has no file system of its own`);
      });
    },
  },
  {
    id: "mount-option-spelling",
    section: "config.md#linux-mount-options",
    severity: "warning",
    create: "accept",
    check({ mounts }, report) {
      eachOption(mounts, { ofBinds: false }, (option, pointer) => {
        const known = option.toLowerCase();
        if (Object.hasOwn(mountOptions, option) || !Object.hasOwn(mountOptions, known)) return;
        const message = `${quote(option)} is left to the file system, because options are in lower case`;
        report(pointer, message, { got: quote(option), hint: `write ${quote(known)}` });
      });
    },
  },
  {
    id: "mount-bind-source",
    section,
    severity: "error",
    create: "accept",
    check({ mounts }, report) {
      each(mounts, (mount, index) => {
        if (!isBind(mount) || mount.source || mount.options?.includes("remount")) return;
        report(`/mounts/${index}/source`, "a bind mount has no source", {
          expected: "a path on the host",
          hint: "without one it is the bundle itself that is mounted",
        });
      });
    },
  },
  {
    id: "mount-type-required",
    section: "config.md#posix-platform-mounts",
    severity: "error",
    create: "accept",
    check({ mounts }, report) {
      each(mounts, (mount, index) => {
        const { options, type } = mount;
        const changes = (options ?? []).some((option) => {
          const kind =
            option !== undefined &&
            Object.hasOwn(mountOptions, option) &&
            mountOptions[option]?.kind;
          return kind === "remount" || kind === "propagation";
        });
        if (isBind(mount) || type || changes) return;
        report(`/mounts/${index}/type`, "has no type, and is no bind mount", {
          expected: 'a file system such as "tmpfs", or the option "bind"',
        });
      });
    },
  },
  {
    id: "mount-idmap-both",
    section: "config.md#posix-platform-mounts",
    severity: "error",
    create: "refuse",
    check({ mounts }, report) {
      each(mounts, ({ uidMappings, gidMappings }, index) => {
        if (Boolean(uidMappings?.length) === Boolean(gidMappings?.length)) return;
        const missing = uidMappings?.length ? "gidMappings" : "uidMappings";
        const message = "id-mapped mounts must have both uid and gid mappings specified";
        report(`/mounts/${index}/${missing}`, message, { expected: `${missing} too` });
      });
    },
  },
  {
    id: "mount-idmap-source",
    section: "config.md#posix-platform-mounts",
    severity: "error",
    create: "refuse",
    check({ mounts }, report) {
      each(mounts, (mount, index) => {
        if (!isMapped(mount) || isBind(mount)) return;
        const message = "id-mapped mounts are only supported for bind-mounts";
        report(`/mounts/${index}`, message, { expected: 'the option "bind" or "rbind"' });
      });
    },
  },
  {
    id: "mount-idmap-mappings",
    section: "config.md#linux-mount-options",
    severity: "error",
    create: "refuse",
    check(spec, report) {
      if (namespaceOf(spec, "user")) return;
      each(spec.mounts, (mount, index) => {
        if (!isMapped(mount) || mount.uidMappings?.length || mount.gidMappings?.length) return;
        report(
          `/mounts/${index}/options`,
          "has no mappings, and the container has no user namespace to take them from",
          {
            expected: "uidMappings and gidMappings",
          },
        );
      });
    },
  },
  {
    id: "mount-idmap-option",
    section: "config.md#posix-platform-mounts",
    severity: "warning",
    create: "accept",
    check({ mounts }, report) {
      each(mounts, (mount, index) => {
        if (!mount.uidMappings?.length || hasMapOption(mount)) return;
        report(`/mounts/${index}/uidMappings`, "is ignored by old runtimes", {
          hint: 'add the option "idmap", or "ridmap" for all that is mounted below',
        });
      });
    },
  },
];

function isBind({ options }: Draft<Mount>): boolean {
  return options?.includes("bind") || options?.includes("rbind") || false;
}

function hasMapOption({ options }: Draft<Mount>): boolean {
  return options?.includes("idmap") || options?.includes("ridmap") || false;
}

function isMapped(mount: Draft<Mount>): boolean {
  return (
    hasMapOption(mount) || Boolean(mount.uidMappings?.length) || Boolean(mount.gidMappings?.length)
  );
}

/** Every option of binds, or of all other mounts, with its pointer. */
function eachOption(
  mounts: Draft<readonly Mount[]> | undefined,
  { ofBinds }: { readonly ofBinds: boolean },
  visit: (option: string, pointer: string) => void,
): void {
  each(mounts, (mount, index) => {
    if (isBind(mount) !== ofBinds) return;
    each(mount.options, (option, at) => visit(option, `/mounts/${index}/options/${at}`));
  });
}
