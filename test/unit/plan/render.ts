// Plans as text that people can review: ops under what they are for, flags by name.
import * as linux from "../../../src/linux.ts";
import { namespaceNames } from "../../../src/plan/namespaces.ts";
import type { Plan, PlannedOp } from "../../../src/plan/plan.ts";
import { noSlot, opTable, syncPoint } from "../../../src/plan/wire.ts";

/** The whole plan. */
export function renderPlan(plan: Plan): string {
  const lines = [`${plan.kind}: clone ${namespaceNames(plan.cloneFlags) || "no namespaces"}`];
  for (const [slot, fd] of plan.fds.entries()) lines.push(`slot ${slot}: ${JSON.stringify(fd)}`);
  let heading = "";
  for (const op of plan.ops) {
    const own = `${op.what}${op.origin === "" ? "" : `   <- ${op.origin}`}`;
    if (own !== heading) lines.push(own);
    heading = own;
    lines.push(`    ${renderOp(op)}`);
  }
  for (const [name, value] of Object.entries(plan.host)) {
    if (value === undefined || (Array.isArray(value) && value.length === 0)) continue;
    lines.push(
      `host ${name}: ${JSON.stringify(value, (_, item) => (typeof item === "bigint" ? String(item) : item))}`,
    );
  }
  for (const { message, origin } of plan.warnings) lines.push(`warning: ${message}   <- ${origin}`);
  return `${lines.join("\n")}\n`;
}

/** One op: its name and fields, without those that are none or zero. */
export function renderOp(op: PlannedOp): string {
  const values = op as unknown as Record<string, unknown>;
  const fields = opTable[op.op].fields
    .map(([name]) => renderField(op.op, name, values[name]))
    .filter((text) => text !== "");
  return [op.op, ...fields, ...(op.optional ? ["(optional)"] : [])].join(" ");
}

function renderField(op: string, name: string, value: unknown): string {
  if (value === null || value === noSlot) return "";
  if (value instanceof Uint8Array) return `${name}=[${Buffer.from(value).toString("hex")}]`;
  if (typeof value === "string" || Array.isArray(value)) return `${name}=${JSON.stringify(value)}`;
  if (typeof value === "bigint") return `${name}=0x${value.toString(16)}`;
  const number = Number(value);
  if (op === "sync")
    return Object.entries(syncPoint).find(([, point]) => point === number)?.[0] ?? "?";
  if (
    name === "userns" ||
    name === "slot" ||
    name === "root" ||
    name === "target" ||
    name === "proc" ||
    name === "like"
  ) {
    return `${name}=${number}`;
  }
  if (number === 0 && name !== "uid" && name !== "gid" && name !== "on" && name !== "resource")
    return "";
  return `${name}=${renderNumber(op, name, number)}`;
}

function renderNumber(op: string, name: string, number: number): string {
  if (op === "unshare" || op === "setns") return namespaceNames(number);
  if (op === "seccomp") return String(number);
  if (op === "mount_attributes" && name !== "propagation") {
    return name === "set" || name === "clear" ? flagNames(number, "MOUNT_ATTR_") : String(number);
  }
  if (name === "attributes" || op === "root_attributes") return flagNames(number, "MOUNT_ATTR_");
  if (name === "propagation" || name === "flags") return flagNames(number, "MS_");
  return name.includes("mode") || name === "mask" ? `0${number.toString(8)}` : String(number);
}

function flagNames(flags: number, prefix: string): string {
  const skipped = new Set(["MOUNT_ATTR__ATIME", "MOUNT_ATTR_RELATIME"]);
  const names = Object.entries(linux)
    .filter(
      ([name, value]) =>
        name.startsWith(prefix) && !skipped.has(name) && (flags & Number(value)) !== 0,
    )
    .map(([name]) => name.slice(prefix.length));
  return names.join("|");
}
