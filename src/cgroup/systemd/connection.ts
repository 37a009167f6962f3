import { reasonOf } from "../../errno.ts";
import { TsrunError } from "../../errors.ts";
import { type Bus, native } from "../../native.ts";

/** Which systemd: that of the host, or that of the user who calls. */
export type Instance = "system" | "user";

export const service = "org.freedesktop.systemd1";
export const managerPath = "/org/freedesktop/systemd1";
const connectMs = 10_000;

/** Runs `work` on a connection to an instance of systemd. */
export function withSystemd<T>(instance: Instance, work: (bus: Bus) => T): T {
  const bus = connect(instance);
  try {
    return work(bus);
  } catch (error) {
    if (error instanceof TsrunError) throw error;
    throw new TsrunError("CGROUP", `systemd: ${(error as Error).message}`, {
      errno: (error as NodeJS.ErrnoException).code,
      cause: error,
    });
  } finally {
    native().busClose(bus);
  }
}

/** Opens the bus of an instance and sees that systemd answers; without a bus root talks to it directly. */
function connect(instance: Instance): Bus {
  const places = busPlaces(instance);
  let trouble: unknown;
  for (const { address, direct } of places) {
    try {
      return open(address, direct);
    } catch (error) {
      trouble ??= error;
    }
  }
  throw noBus(instance, places[0]?.address, trouble);
}

function open(address: string, direct: boolean): Bus {
  const bus = native().busOpen(address, direct);
  try {
    // The connection is made in the background: the first call tells.
    const peer = { path: managerPath, interface: "org.freedesktop.DBus.Peer", member: "Ping" };
    const ping = { ...peer, destination: service, signature: "", arguments: [] };
    native().busCall(bus, ping, connectMs);
    return bus;
  } catch (error) {
    native().busClose(bus);
    throw error;
  }
}

type Place = { readonly address: string; readonly direct: boolean };

function busPlaces(instance: Instance): Place[] {
  const { env } = process;
  if (instance === "system") {
    const address = env["DBUS_SYSTEM_BUS_ADDRESS"] || "unix:path=/run/dbus/system_bus_socket";
    return [
      { address, direct: false },
      { address: "unix:path=/run/systemd/private", direct: true },
    ];
  }
  const runtimeDirectory = env["XDG_RUNTIME_DIR"] && escapeAddress(env["XDG_RUNTIME_DIR"]);
  const own = env["DBUS_SESSION_BUS_ADDRESS"];
  return [
    ...(own ? [{ address: own, direct: false }] : []),
    ...(runtimeDirectory
      ? [
          { address: `unix:path=${runtimeDirectory}/bus`, direct: false },
          { address: `unix:path=${runtimeDirectory}/systemd/private`, direct: true },
        ]
      : []),
  ];
}

/** Bytes of a path that mean something in an address. */
function escapeAddress(path: string): string {
  const escape = (character: string): string =>
    [...Buffer.from(character)].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
  return path.replace(/[^-0-9A-Za-z_/.\\]/gu, escape);
}

function noBus(instance: Instance, address: string | undefined, error: unknown): TsrunError {
  if (address === undefined) {
    return new TsrunError("CGROUP", "no bus of the user's systemd: XDG_RUNTIME_DIR is not set", {
      hint: "log in as the user (ssh, machinectl shell USER@), or set XDG_RUNTIME_DIR to /run/user/UID after loginctl enable-linger USER",
    });
  }
  const { code, syscall, message } = error as NodeJS.ErrnoException;
  const details = { errno: code, cause: error };
  if (syscall === "dlopen") {
    return new TsrunError("CGROUP", `the systemd cgroup driver needs libsystemd: ${message}`, {
      ...details,
      hint: "install libsystemd0 (systemd-libs), or run without --systemd-cgroup",
    });
  }
  const whose = instance === "system" ? "systemd" : "the user's systemd";
  const reason = code === undefined ? message : `${reasonOf(error)} (${code})`;
  return new TsrunError("CGROUP", `cannot reach ${whose} at ${address}: ${reason}`, {
    ...details,
    hint:
      instance === "system"
        ? "is dbus running (systemctl status dbus)? Or run without --systemd-cgroup"
        : "is user@UID.service running (loginctl enable-linger USER), with a bus (package dbus-user-session)?",
  });
}
