import t from "tap";
import { planCreate } from "../../../src/plan/create.ts";
import { encodePlan } from "../../../src/plan/encode.ts";
import type { Plan, PlannedOp } from "../../../src/plan/plan.ts";
import { opTable, wireFormat } from "../../../src/plan/wire.ts";
import { options, rootFacts, specWith } from "./specs.ts";

const buildId = Uint8Array.from({ length: 16 }, (_, index) => index + 1);
const headerBytes = 40;

type Decoded = {
  readonly header: Record<string, number>;
  readonly buildId: Buffer;
  readonly ops: unknown[];
};

/** Reads a plan as init does. */
function decodePlan(bytes: Uint8Array): Decoded {
  const buffer = Buffer.from(bytes);
  const header = {
    format: buffer.readUInt32LE(4),
    bytes: buffer.readUInt32LE(24),
    ops: buffer.readUInt32LE(28),
    data: buffer.readUInt32LE(32),
    handed: buffer.readUInt32LE(36),
  };
  const data = buffer.subarray(header.data);
  const ops: unknown[] = [];
  let at = headerBytes;
  while (at < header.data) {
    const code = buffer.readUInt16LE(at);
    const entry = Object.entries(opTable).find(([, op]) => op.code === code);
    if (entry === undefined) throw new Error(`unknown op ${code}`);
    const [name, { fields }] = entry;
    const op: Record<string, unknown> = { op: name };
    if ((buffer.readUInt16LE(at + 2) & 1) === 1) op["optional"] = true;
    const end = at + 8 + 8 * buffer.readUInt32LE(at + 4);
    at += 8;
    for (const [field, kind] of fields) {
      const [first, second] = [
        buffer.readBigUInt64LE(at),
        at + 8 < end ? buffer.readBigUInt64LE(at + 8) : 0n,
      ];
      op[field] = readField(data, kind, [first, second]);
      at += kind === "b" || kind === "v" ? 16 : 8;
    }
    if (at !== end) throw new Error(`${name} has another number of words`);
    ops.push(op);
  }
  return { header, buildId: buffer.subarray(8, 24), ops };
}

function readField(data: Buffer, kind: string, [word, count]: [bigint, bigint]): unknown {
  const at = Number(word);
  if (kind === "u") return word;
  if (kind === "s") return at === 0 ? null : readString(data, at);
  if (kind === "b") return data.subarray(at, at + Number(count)).toString("hex");
  if (at % 4 !== 0) throw new Error("a list is not aligned");
  return Array.from({ length: Number(count) }, (_, index) =>
    readString(data, data.readUInt32LE(at + 4 * index)),
  );
}

function readString(data: Buffer, at: number): string {
  return data.toString("utf8", at, data.indexOf(0, at));
}

/** What decoding should give. */
function expected(op: PlannedOp): unknown {
  const values = op as unknown as Record<string, unknown>;
  const result: Record<string, unknown> = { op: op.op, ...(op.optional ? { optional: true } : {}) };
  for (const [field, kind] of opTable[op.op].fields) {
    const value = values[field];
    if (kind === "u") result[field] = BigInt.asUintN(64, BigInt(value as number | bigint));
    else if (kind === "b") result[field] = Buffer.from(value as Uint8Array).toString("hex");
    else result[field] = value;
  }
  return result;
}

function planOf(...ops: PlannedOp[]): Plan {
  const host = { rlimits: [], netDevices: [], console: false };
  return { kind: "create", cloneFlags: 0, fds: [], ops, host, warnings: [] };
}

t.test("a plan that is read back is the same", async (t) => {
  const spec = specWith((spec) => {
    spec.process!.args = ["sh", "", "Grüße \u{1f44b}"];
    spec.process!.user = { additionalGids: [4_000_000_000] };
  });
  const seccomp = {
    filter: Uint8Array.from({ length: 80_000 }, (_, i) => i),
    flags: 1,
    notify: true,
    unknown: [],
  };
  const plan = planCreate(spec, rootFacts, { ...options, seccomp, listenFds: 2 });
  t.same(decodePlan(encodePlan(plan, buildId)).ops, plan.ops.map(expected));
});

t.test("the header says what is there", async (t) => {
  const plan = planCreate(
    specWith(() => {}),
    rootFacts,
    options,
  );
  const bytes = encodePlan(plan, buildId);
  const { header, buildId: id } = decodePlan(bytes);
  t.equal(Buffer.from(bytes.subarray(0, 4)).toString(), "TSRP");
  t.match(header, {
    format: wireFormat,
    bytes: bytes.length,
    ops: plan.ops.length,
    handed: plan.fds.length,
  });
  t.same([...id], [...buildId]);
});

t.test("the data area is aligned, and begins and ends with NUL", async (t) => {
  const op = { op: "exec", args: ["a"], env: [], origin: "", what: "" } as const;
  const bytes = encodePlan(planOf(op), buildId);
  const { header } = decodePlan(bytes);
  t.equal(header["data"]! % 8, 0);
  t.equal(bytes[header["data"]!], 0);
  t.equal(bytes.at(-1), 0);
});

t.test("a missing string is not an empty one", async (t) => {
  const mount = {
    op: "legacy_mount",
    target: 1,
    fstype: "tmpfs",
    flags: 0,
    origin: "",
    what: "",
  } as const;
  const plan = planOf({ ...mount, source: null, data: "" }, { ...mount, source: "", data: null });
  t.match(decodePlan(encodePlan(plan, buildId)).ops, [
    { source: null, data: "" },
    { source: "", data: null },
  ]);
});

t.test("numbers keep all 64 bits, and flags their highest of 32", async (t) => {
  const rlimit = { op: "rlimit", resource: 7, origin: "", what: "" } as const;
  const plan = planOf(
    { ...rlimit, soft: 0xffff_ffff_ffff_ffffn, hard: 2 ** 53 - 1 },
    { op: "unshare", flags: 1 << 31, origin: "", what: "" },
  );
  t.match(decodePlan(encodePlan(plan, buildId)).ops, [
    { soft: 0xffff_ffff_ffff_ffffn, hard: BigInt(2 ** 53 - 1) },
    { flags: 0x8000_0000n },
  ]);
});

t.test("the same string is stored once", async (t) => {
  const path = `/${"x".repeat(200)}`;
  const op = { op: "masked_path", path, origin: "", what: "" } as const;
  const [one, two] = [encodePlan(planOf(op), buildId), encodePlan(planOf(op, op), buildId)];
  t.equal(two.length - one.length, 16);
});
