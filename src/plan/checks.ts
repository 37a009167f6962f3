import { TsrunError } from "../errors.ts";
import type { HostFacts } from "../host/facts.ts";
import { CLONE_NEWNET, CLONE_NEWUTS } from "../linux.ts";
import { lacksProcess } from "../spec/missing-process.ts";
import type { Process, ValidSpec } from "../spec/types.ts";
import type { CreatePlanOptions } from "./context.ts";
import { checkNamespaces, type Namespaces } from "./namespaces.ts";
import { checkMountNamespace } from "./rootfs.ts";
import { checkLabels } from "./security.ts";
import { checkSysctl } from "./sysctl.ts";

export type CheckInput = {
  readonly facts: HostFacts;
  readonly namespaces: Namespaces;
  readonly options: CreatePlanOptions;
};

/**
 * The process of a container. One that waits for `start` can be created without (config.md, Process): it stays what init is, with
 * no rights, until `start` refuses.
 */
export function processOf({ process }: ValidSpec, start: CreatePlanOptions["start"]): Process {
  if (process !== undefined) {
    checkProcess(process);
    return process;
  }
  if (start === "fifo") return { cwd: "/", args: [] };
  throw lacksProcess();
}

/** What no plan can be made of: settings that contradict each other, or that this host does not have. */
export function checkCreate(spec: ValidSpec, process: Process, input: CheckInput): void {
  const { facts, namespaces, options } = input;
  checkNamespaces(spec.linux, namespaces, facts);
  checkMountNamespace(spec, namespaces, options);
  checkNames(spec, namespaces);
  checkSysctl(spec.linux?.sysctl, namespaces);
  checkLabels(process, facts);
  checkNetDevices(spec, namespaces, facts);
}

/** A process that can be started at all. */
export function checkProcess(process: Process): void {
  if ((process.args?.length ?? 0) === 0) {
    throw new TsrunError("CONFIG_INVALID", "args must not be empty", { pointer: "/process/args" });
  }
  if (!process.cwd.startsWith("/")) {
    throw new TsrunError("CONFIG_INVALID", "Cwd must be an absolute path", {
      pointer: "/process/cwd",
    });
  }
}

function checkNames({ hostname, domainname }: ValidSpec, { all }: Namespaces): void {
  if ((all & CLONE_NEWUTS) !== 0) return;
  const hint = 'add {"type": "uts"} to linux.namespaces';
  for (const [name, value] of Object.entries({ hostname, domainname })) {
    if (!value) continue;
    const message = `unable to set ${name} without a private UTS namespace`;
    throw new TsrunError("CONFIG_INVALID", message, { pointer: `/${name}`, hint });
  }
}

function checkNetDevices({ linux }: ValidSpec, { all }: Namespaces, { euid }: HostFacts): void {
  if (Object.keys(linux?.netDevices ?? {}).length === 0) return;
  const pointer = "/linux/netDevices";
  if ((all & CLONE_NEWNET) === 0) {
    throw new TsrunError(
      "CONFIG_INVALID",
      "unable to move network devices without a private NET namespace",
      {
        pointer,
        hint: 'add {"type": "network"} to linux.namespaces',
      },
    );
  }
  if (euid !== 0) {
    const message = "network devices are not supported for rootless containers";
    throw new TsrunError("CONFIG_UNSUPPORTED", message, { pointer });
  }
}
