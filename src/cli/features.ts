import { readFileSync } from "node:fs";

import { native } from "../native.ts";
import { supportedFlags } from "../seccomp/profile.ts";
import * as tables from "../spec/tables.ts";
import { commit, version } from "../version.ts";
import type { Invocation } from "./invocation.ts";
import { print } from "./output.ts";

/** tsrun features */
export function features(_: Invocation<"features">): number {
  const kernel = readFileSync("/proc/sys/kernel/osrelease", "utf8").trim();
  print(formatFeatures(describeFeatures({ version, commit, libseccomp: libseccomp(), kernel })));
  return 0;
}

/** runc indents it by four spaces. */
export function formatFeatures(document: object): string {
  return `${JSON.stringify(document, null, 4)}\n`;
}

export type FeatureVersions = {
  readonly version: string;
  readonly commit?: string;
  readonly libseccomp?: string;
  /** Release of the kernel: only the supported seccomp flags depend on it. */
  readonly kernel: string;
};

/** The features document of the runtime-spec: what this program knows, whatever the host can do. */
export function describeFeatures({ version, commit, libseccomp, kernel }: FeatureVersions): object {
  return {
    ociVersionMin: tables.ociVersions.min,
    ociVersionMax: tables.ociVersions.max,
    hooks: tables.hookNames,
    mountOptions: sortedKeys(tables.mountOptions).filter(isSupported),
    linux: {
      namespaces: sortedKeys(tables.namespaces),
      capabilities: Object.keys(tables.capabilities),
      cgroup: { v1: false, v2: true, systemd: true, systemdUser: true, rdma: true },
      seccomp: {
        enabled: true,
        actions: sortedKeys(tables.seccompActions),
        operators: sortedKeys(tables.seccompOperators),
        archs: sortedKeys(tables.seccompArchitectures),
        knownFlags: Object.keys(tables.seccompFlags),
        supportedFlags: supportedFlags(kernel),
      },
      apparmor: { enabled: true },
      selinux: { enabled: true },
      intelRdt: { enabled: true, schemata: true, monitoring: true },
      memoryPolicy: {
        modes: sortedKeys(tables.memoryPolicyModes),
        flags: sortedKeys(tables.memoryPolicyFlags),
      },
      mountExtensions: { idmap: { enabled: true } },
      netDevices: { enabled: true },
    },
    annotations: {
      ...(libseccomp ? { "io.github.seccomp.libseccomp.version": libseccomp } : {}),
      ...(commit ? { "tsrun.commit": commit } : {}),
      "tsrun.version": version,
    },
  };
}

/** What is known only to be refused by name is none of what can be done. */
function isSupported(option: string): boolean {
  const { kind } = tables.mountOptions[option]!;
  return kind !== "lookup" && kind !== "copy-symlink";
}

function sortedKeys(table: object): string[] {
  return Object.keys(table).sort();
}

function libseccomp(): string | undefined {
  try {
    return native().libseccompVersion;
  } catch {
    return undefined; // from source, before the addon is built
  }
}
