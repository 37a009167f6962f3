// The messages of CRIU's RPC protocol, as far as they are used here. Names and numbers of the fields are those of
// its rpc.proto; `criu swrk` speaks them over a SOCK_SEQPACKET socket, one message a datagram.
import { PbfReader, PbfWriter } from "pbf";

type Scalar = "int" | "bool" | "string";
type Field = readonly [number: number, kind: Scalar | Fields, repeated?: "list"];
type Fields = { readonly [name: string]: Field };

const pageServer = { address: [1, "string"], port: [2, "int"] } as const satisfies Fields;
const joinedNamespace = { ns: [1, "string"], ns_file: [2, "string"] } as const satisfies Fields;
const inheritedFd = { key: [1, "string"], fd: [2, "int"] } as const satisfies Fields;
const cgroupRoot = { ctrl: [1, "string"], path: [2, "string"] } as const satisfies Fields;

const optionFields = {
  images_dir_fd: [1, "int"],
  pid: [2, "int"],
  leave_running: [3, "bool"],
  ext_unix_sk: [4, "bool"],
  tcp_established: [5, "bool"],
  evasive_devices: [6, "bool"],
  shell_job: [7, "bool"],
  file_locks: [8, "bool"],
  log_level: [9, "int"],
  log_file: [10, "string"],
  ps: [11, pageServer],
  notify_scripts: [12, "bool"],
  root: [13, "string"],
  parent_img: [14, "string"],
  track_mem: [15, "bool"],
  auto_dedup: [16, "bool"],
  work_dir_fd: [17, "int"],
  link_remap: [18, "bool"],
  cg_root: [25, cgroupRoot, "list"],
  rst_sibling: [26, "bool"],
  inherit_fd: [27, inheritedFd, "list"],
  manage_cgroups_mode: [34, "int"],
  external: [37, "string", "list"],
  empty_ns: [38, "int"],
  join_ns: [39, joinedNamespace, "list"],
  cgroup_dump_controller: [43, "string", "list"],
  freeze_cgroup: [44, "string"],
  tcp_skip_in_flight: [46, "bool"],
  lazy_pages: [48, "bool"],
  orphan_pts_master: [50, "bool"],
  config_file: [51, "string"],
  tcp_close: [52, "bool"],
  lsm_profile: [53, "string"],
  lsm_mount_context: [63, "string"],
  network_lock: [64, "int"],
} as const satisfies Fields;

const featureFields = {
  mem_track: [1, "bool"],
  lazy_pages: [2, "bool"],
} as const satisfies Fields;

const requestFields = {
  type: [1, "int"],
  opts: [2, optionFields],
  notify_success: [3, "bool"],
  features: [5, featureFields],
} as const satisfies Fields;

const versionFields = {
  major_number: [1, "int"],
  minor_number: [2, "int"],
  sublevel: [4, "int"],
} as const satisfies Fields;

const responseFields = {
  type: [1, "int"],
  success: [2, "bool"],
  restore: [4, { pid: [1, "int"] }],
  notify: [5, { script: [1, "string"], pid: [2, "int"] }],
  cr_errno: [7, "int"],
  features: [8, featureFields],
  cr_errmsg: [9, "string"],
  version: [10, versionFields],
} as const satisfies Fields;

type ValueOf<Kind> = Kind extends "int"
  ? number
  : Kind extends "bool"
    ? boolean
    : Kind extends "string"
      ? string
      : Kind extends Fields
        ? Message<Kind>
        : never;
type Message<F extends Fields> = {
  readonly [Name in keyof F]?: F[Name] extends readonly [number, infer Kind, "list"]
    ? readonly ValueOf<Kind>[]
    : ValueOf<F[Name][1]>;
};

export type CriuOptions = Message<typeof optionFields>;
export type CriuRequest = Message<typeof requestFields>;
export type CriuResponse = Message<typeof responseFields>;

/** criu_req_type. */
export const requestType = {
  dump: 1,
  restore: 2,
  preDump: 4,
  notify: 6,
  featureCheck: 9,
  version: 10,
} as const;

/** criu_cg_mode, by the names of --manage-cgroups-mode; "" is what CRIU does by itself. */
export const cgroupModes: Readonly<Record<string, number>> = {
  "": 6,
  ignore: 0,
  soft: 3,
  full: 4,
  strict: 5,
};

/** criu_network_lock_method, by the names of --network-lock. */
export const networkLocks: Readonly<Record<string, number>> = { iptables: 1, nftables: 2, skip: 3 };

/** A request as it goes over the socket. */
export function encodeRequest(request: CriuRequest): Uint8Array {
  const writer = new PbfWriter();
  writeFields({ fields: requestFields, message: request }, writer);
  return writer.finish();
}

/** A response as it came from the socket. Fields that are not in the table are passed over. */
export function decodeResponse(data: Uint8Array): CriuResponse {
  return readFields(new PbfReader(data), responseFields);
}

/** The other way round, for who plays CRIU: the tests. */
export function decodeRequest(data: Uint8Array): CriuRequest {
  return readFields(new PbfReader(data), requestFields);
}

/** As decodeRequest. */
export function encodeResponse(response: CriuResponse): Uint8Array {
  const writer = new PbfWriter();
  writeFields({ fields: responseFields, message: response }, writer);
  return writer.finish();
}

type Draft = { readonly fields: Fields; readonly message: Readonly<Record<string, unknown>> };

function writeFields({ fields, message }: Draft, writer: PbfWriter): void {
  for (const [name, field] of Object.entries(fields)) {
    const value = message[name];
    if (value === undefined) continue;
    const [number, kind, list] = field;
    const values = list === "list" ? (value as readonly unknown[]) : [value];
    for (const one of values) writeField(writer, { number, kind, value: one });
  }
}

type Written = {
  readonly number: number;
  readonly kind: Scalar | Fields;
  readonly value: unknown;
};

function writeField(writer: PbfWriter, { number, kind, value }: Written): void {
  if (kind === "int") writer.writeVarintField(number, value as number);
  else if (kind === "bool") writer.writeBooleanField(number, value as boolean);
  else if (kind === "string") writer.writeStringField(number, value as string);
  else
    writer.writeMessage(number, writeFields, { fields: kind, message: value as Draft["message"] });
}

type Read = { readonly byNumber: ReadonlyMap<number, readonly [string, Field]>; message: Mutable };
type Mutable = Record<string, unknown>;

function readFields(reader: PbfReader, fields: Fields): Mutable {
  return reader.readFields(readField, readInto(fields)).message;
}

function readInto(fields: Fields): Read {
  const entries = Object.entries(fields).map((entry) => [entry[1][0], entry] as const);
  return { byNumber: new Map(entries), message: {} };
}

function readField(number: number, { byNumber, message }: Read, reader: PbfReader): void {
  const found = byNumber.get(number);
  if (found === undefined) return;
  const [name, [, kind, list]] = found;
  const value = readValue(reader, kind);
  if (list === "list") message[name] = [...((message[name] as unknown[]) ?? []), value];
  else message[name] = value;
}

function readValue(reader: PbfReader, kind: Scalar | Fields): unknown {
  if (kind === "int") return reader.readVarint(true);
  if (kind === "bool") return reader.readBoolean();
  if (kind === "string") return reader.readString();
  return reader.readMessage(readField, readInto(kind)).message;
}
