// As much of rtnetlink(7) as moving a device takes: requests with attributes, answers, acknowledgements.
// The kernel's byte order is little-endian on all machines that tsrun runs on.
import { TsrunError } from "../errors.ts";
import { errnoName, errnoText } from "../errno.ts";
import { native } from "../native.ts";

const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLM_F_REQUEST = 1;
const NLM_F_ACK = 4;
const headerBytes = 16;
const answerBytes = 1 << 16;
const patienceMs = 5000;

export type Attribute = readonly [type: number, value: Uint8Array];

export type Request = {
  readonly type: number;
  readonly flags?: number;
  /** The fixed part of the message: struct ifinfomsg, ifaddrmsg ... */
  readonly fixed: Uint8Array;
  readonly attributes?: readonly Attribute[];
};

export type Answer = {
  readonly type: number;
  readonly fixed: DataView;
  readonly attributes: ReadonlyMap<number, Uint8Array>;
};

/** Sends a request and collects the answers to it. */
export function requestNetlink(socket: number, request: Request): Answer[] {
  native().sendMessage(socket, encodeRequest(request), []);
  const answers: Answer[] = [];
  for (;;) {
    const received = native().receiveMessage(socket, answerBytes, patienceMs);
    if (!received) throw new TsrunError("HOST", "the kernel did not answer a netlink request");
    for (const { type, body } of splitMessages(received.data)) {
      if (type === NLMSG_DONE) return answers;
      if (type === NLMSG_ERROR) {
        const errno = -view(body).getInt32(0, true);
        if (errno === 0) return answers;
        throw new TsrunError("HOST", errnoText(errno), { errno: errnoName(errno) });
      }
      answers.push(parseAnswer(type, body, request.fixed.length));
    }
  }
}

/** The bytes of a request: header, fixed part, attributes, each padded to four bytes. */
export function encodeRequest({ type, flags = 0, fixed, attributes = [] }: Request): Uint8Array {
  const parts = [fixed, ...attributes.map(encodeAttribute)];
  const header = Buffer.alloc(headerBytes);
  header.writeUInt32LE(headerBytes + parts.reduce((sum, part) => sum + part.length, 0), 0);
  header.writeUInt16LE(type, 4);
  header.writeUInt16LE(flags | NLM_F_REQUEST | NLM_F_ACK, 6);
  return Buffer.concat([header, ...parts]);
}

function encodeAttribute([type, value]: Attribute): Uint8Array {
  const bytes = Buffer.alloc(padded(4 + value.length));
  bytes.writeUInt16LE(4 + value.length, 0);
  bytes.writeUInt16LE(type, 2);
  bytes.set(value, 4);
  return bytes;
}

function splitMessages(data: Uint8Array): { type: number; body: Uint8Array }[] {
  const messages = [];
  for (let at = 0; at + headerBytes <= data.length;) {
    const header = view(data.subarray(at));
    const length = header.getUint32(0, true);
    if (length < headerBytes) break;
    const body = data.subarray(at + headerBytes, at + length);
    messages.push({ type: header.getUint16(4, true), body });
    at += padded(length);
  }
  return messages;
}

function parseAnswer(type: number, body: Uint8Array, fixedBytes: number): Answer {
  const attributes = new Map<number, Uint8Array>();
  for (let at = fixedBytes; at + 4 <= body.length;) {
    const header = view(body.subarray(at));
    const length = header.getUint16(0, true);
    if (length < 4) break;
    attributes.set(header.getUint16(2, true) & 0x3fff, body.subarray(at + 4, at + length));
    at += padded(length);
  }
  return { type, fixed: view(body.subarray(0, fixedBytes)), attributes };
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function padded(length: number): number {
  return (length + 3) & ~3;
}
