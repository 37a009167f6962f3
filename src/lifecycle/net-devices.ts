import { closeSync, openSync } from "node:fs";

import { TsrunError } from "../errors.ts";
import { native } from "../native.ts";
import type { HostSteps } from "../plan/plan.ts";
import { type Answer, type Attribute, requestNetlink } from "./netlink.ts";

const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
const RTM_NEWADDR = 20;
const RTM_GETADDR = 22;
const NLM_F_DUMP = 0x300;
const NLM_F_CREATE_EXCL = 0x600;
const IFLA_IFNAME = 3;
const IFLA_NET_NS_FD = 28;
const IFA_FLAGS = 8;
const IFA_F_PERMANENT = 0x80;
const IFF_UP = 1;
/** Attributes of an address that make it what it is: address, local, broadcast, anycast, flags. */
const keptAddressAttributes = new Set([1, 2, 4, 5, 8]);

/**
 * Moves network devices of the host into the network namespace of a process. A device loses its
 * addresses on the way; its permanent global ones are given back to it there, and it is set up.
 */
export function moveNetDevices(pid: number, devices: HostSteps["netDevices"]): void {
  if (devices.length === 0) return;
  const opened: number[] = [];
  const own = (fd: number): number => {
    opened.push(fd);
    return fd;
  };
  try {
    const namespace = own(openSync(`/proc/${pid}/ns/net`, "r"));
    const here = own(native().netlinkSocket(-1));
    const there = own(native().netlinkSocket(namespace));
    const places = { here, there, namespace };
    for (const device of devices) trying(device, () => checkNames(device, places));
    for (const device of devices) trying(device, () => move(device, places));
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}

type Device = HostSteps["netDevices"][number];
type Places = { readonly here: number; readonly there: number; readonly namespace: number };

/**
 * Refuses what cannot be moved while nothing has been. The kernel moves a device first and gives it its name then: where
 * that is taken, the device would be lost with the namespace.
 */
function checkNames({ host, container }: Device, { here, there }: Places): void {
  indexOf(here, host);
  const taken = dumpLinks(there).some(({ attributes }) => {
    const name = attributes.get(IFLA_IFNAME);
    return name !== undefined && Buffer.from(name).equals(text(container));
  });
  if (taken) throw new TsrunError("HOST", "file exists: the container has a device of this name");
}

function trying({ host, container, origin }: Device, act: () => void): void {
  try {
    act();
  } catch (error) {
    const reason = (error as Error).message;
    const message = `unable to move network device ${host} to ${container} in the container: ${reason}`;
    throw new TsrunError("HOST", message, { pointer: origin, cause: error });
  }
}

function move(device: Device, { here, there, namespace }: Places): void {
  const index = indexOf(here, device.host);
  const addresses = permanentAddresses(here, index);
  const before = new Set(listLinks(there));
  requestNetlink(here, {
    type: RTM_NEWLINK,
    fixed: linkHeader(index),
    attributes: [
      [IFLA_NET_NS_FD, uint32(namespace)],
      [IFLA_IFNAME, text(device.container)],
    ],
  });
  // Its index may be another one there, and its name may have been a pattern such as "eth%d".
  const moved = listLinks(there).find((link) => !before.has(link));
  if (moved === undefined) throw new TsrunError("HOST", "it did not arrive");
  for (const address of addresses) addAddress(there, moved, address);
  requestNetlink(there, { type: RTM_NEWLINK, fixed: linkHeader(moved, IFF_UP) });
}

function indexOf(socket: number, name: string): number {
  const [link] = requestNetlink(socket, {
    type: RTM_GETLINK,
    fixed: linkHeader(0),
    attributes: [[IFLA_IFNAME, text(name)]],
  });
  if (link === undefined) throw new TsrunError("HOST", "no such device");
  return link.fixed.getInt32(4, true);
}

function listLinks(socket: number): number[] {
  return dumpLinks(socket).map(({ fixed }) => fixed.getInt32(4, true));
}

function dumpLinks(socket: number): Answer[] {
  return requestNetlink(socket, { type: RTM_GETLINK, flags: NLM_F_DUMP, fixed: linkHeader(0) });
}

function permanentAddresses(socket: number, index: number): Answer[] {
  return requestNetlink(socket, {
    type: RTM_GETADDR,
    flags: NLM_F_DUMP,
    fixed: new Uint8Array(8),
  }).filter((address) => {
    const scope = address.fixed.getUint8(3);
    return address.fixed.getUint32(4, true) === index && scope === 0 && isPermanent(address);
  });
}

function isPermanent({ fixed, attributes }: Answer): boolean {
  const flags = attributes.get(IFA_FLAGS);
  const value = flags === undefined ? fixed.getUint8(2) : Buffer.from(flags).readUInt32LE(0);
  return (value & IFA_F_PERMANENT) !== 0;
}

function addAddress(socket: number, index: number, { fixed, attributes }: Answer): void {
  const header = new Uint8Array(8);
  header[0] = fixed.getUint8(0); // family
  header[1] = fixed.getUint8(1); // prefix length
  new DataView(header.buffer).setUint32(4, index, true);
  const kept: Attribute[] = [...attributes].filter(([type]) => keptAddressAttributes.has(type));
  requestNetlink(socket, {
    type: RTM_NEWADDR,
    flags: NLM_F_CREATE_EXCL,
    fixed: header,
    attributes: kept,
  });
}

/** struct ifinfomsg; flags are set as given. */
function linkHeader(index: number, flags = 0): Uint8Array {
  const header = Buffer.alloc(16);
  header.writeInt32LE(index, 4);
  header.writeUInt32LE(flags, 8);
  header.writeUInt32LE(flags, 12); // which of them to change
  return header;
}

function text(value: string): Uint8Array {
  return Buffer.from(`${value}\0`);
}

function uint32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
