import { statSync } from "node:fs";
import { TsrunError } from "../../errors.ts";
import { type Bus, type BusValue, native } from "../../native.ts";
import { type Instance, managerPath, service, withSystemd } from "./connection.ts";
import type { UnitProperty } from "./properties.ts";

/** What plans need to know of systemd. */
export type SystemdFacts = {
  readonly instance: Instance;
  /** 257 of "257.9-1". */
  readonly version: number;
  /** The cgroup below which the instance has its own, "" when it is the root. */
  readonly controlGroup: string;
};

const managerInterface = `${service}.Manager`;
/** As long as runc waits for systemd. */
const patienceMs = 30_000;

const unavailable =
  "systemd cgroup flag passed, but systemd support for managing cgroups is not available";

/** Asks systemd what plans depend on. */
export function readSystemd(instance: Instance): SystemdFacts {
  if (statSync("/run/systemd/system", { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new TsrunError("CGROUP", `${unavailable}: this host was not booted with systemd`, {
      hint: "run without --systemd-cgroup (engines: choose the cgroupfs driver)",
    });
  }
  return withSystemd(instance, (bus) => ({
    instance,
    version: Number.parseInt(String(managerProperty(bus, "Version")), 10),
    controlGroup:
      instance === "system" ? "" : String(managerProperty(bus, "ControlGroup")).replace(/\/$/, ""),
  }));
}

/** Makes a scope with these properties and waits until it is there. */
export function startScope(
  instance: Instance,
  unit: string,
  properties: readonly UnitProperty[],
): void {
  withSystemd(instance, (bus) => {
    const start = (): void =>
      runJob(bus, {
        member: "StartTransientUnit",
        signature: "ssa(sv)a(sa(sv))",
        arguments: [unit, "replace", variants(properties), []],
      });
    try {
      start();
    } catch (error) {
      if (busErrorOf(error) !== "UnitExists") throw error;
      // One that failed stays until someone has seen it: it is not in use.
      resetFailed(bus, unit);
      start();
    }
  });
}

/** Stops a unit, which ends what is left in it, and waits until it is gone; one that is not there is no error. */
export function stopUnit(instance: Instance, unit: string): void {
  withSystemd(instance, (bus) => {
    try {
      runJob(bus, { member: "StopUnit", signature: "ss", arguments: [unit, "replace"] });
    } catch (error) {
      if (busErrorOf(error) !== "NoSuchUnit") throw error;
    }
    resetFailed(bus, unit);
  });
}

/** Changes properties of a running unit, until it ends. */
export function setUnitProperties(
  instance: Instance,
  unit: string,
  properties: readonly UnitProperty[],
): void {
  withSystemd(instance, (bus) => {
    call(bus, {
      member: "SetUnitProperties",
      signature: "sba(sv)",
      arguments: [unit, true, variants(properties)],
    });
  });
}

/** Moves a process into a unit that is delegated; `path` is a cgroup below that of the unit, or "". */
export function attachToUnit(
  instance: Instance,
  { unit, path, pid }: { readonly unit: string; readonly path: string; readonly pid: number },
): void {
  withSystemd(instance, (bus) => {
    call(bus, {
      member: "AttachProcessesToUnit",
      signature: "ssau",
      arguments: [unit, path, [pid]],
    });
  });
}

type ManagerCall = {
  readonly member: string;
  readonly signature: string;
  readonly arguments: readonly BusValue[];
};

function call(bus: Bus, { member, signature, arguments: values }: ManagerCall): BusValue[] {
  const target = { destination: service, path: managerPath, interface: managerInterface };
  return native().busCall(bus, { ...target, member, signature, arguments: values }, patienceMs);
}

function managerProperty(bus: Bus, name: string): BusValue {
  const [reply] = native().busCall(
    bus,
    {
      destination: service,
      path: managerPath,
      interface: "org.freedesktop.DBus.Properties",
      member: "Get",
      signature: "ss",
      arguments: [managerInterface, name],
    },
    patienceMs,
  );
  return (reply as readonly [string, BusValue])[1];
}

/** A call whose work systemd does in a job: waits for the end of that. */
function runJob(bus: Bus, work: ManagerCall): void {
  native().busMatch(
    bus,
    `type='signal',path='${managerPath}',interface='${managerInterface}',member='JobRemoved'`,
  );
  const [job] = call(bus, work);
  const unit = String(work.arguments[0]);
  const end = performance.now() + patienceMs;
  for (;;) {
    const left = Math.max(0, Math.ceil(end - performance.now()));
    const signal = native().busReceive(bus, left);
    if (signal === undefined) {
      throw new TsrunError(
        "CGROUP",
        `timeout waiting for systemd: ${work.member} of ${unit} took more than ${patienceMs / 1000} s`,
        { hint: `see "systemctl list-jobs" and "systemctl status ${unit}"` },
      );
    }
    if (signal.member !== "JobRemoved" || signal.body[1] !== job) continue;
    if (signal.body[3] === "done") return;
    throw jobFailed(bus, work.member, unit, String(signal.body[3]));
  }
}

function jobFailed(bus: Bus, member: string, unit: string, result: string): TsrunError {
  if (member === "StartTransientUnit") resetFailed(bus, unit);
  const verb = member === "StopUnit" ? "stop" : "start";
  return new TsrunError("CGROUP", `unable to ${verb} unit ${JSON.stringify(unit)}: ${result}`, {
    hint: `the journal says more: journalctl -b UNIT=${unit} (or USER_UNIT=${unit})`,
  });
}

function resetFailed(bus: Bus, unit: string): void {
  try {
    call(bus, { member: "ResetFailedUnit", signature: "s", arguments: [unit] });
  } catch (error) {
    if (busErrorOf(error) !== "NoSuchUnit") throw error;
  }
}

function variants(properties: readonly UnitProperty[]): BusValue[] {
  return properties.map(([name, signature, value]) => [name, [signature, value]]);
}

/** The last part of the D-Bus name of a refusal. */
function busErrorOf(error: unknown): string | undefined {
  const { busError } = error as { busError?: string };
  return busError?.split(".").at(-1);
}
