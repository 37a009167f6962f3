import {
  andImmediate,
  assemble,
  type Assembly,
  jump,
  jumpIf,
  loadContext,
  moveRegister,
  placeLabel,
  returnAt,
  shiftRight,
  startAssembly,
} from "./bpf.ts";
import { ACCESS_ALL, type DeviceAccess, type DeviceType } from "./devices.ts";

// A cgroup device program gets, in r1, struct bpf_cgroup_dev_ctx { u32 access << 16 | type; u32 major; u32 minor }
// and returns 1 to allow. It decides as the list of rules does: of the rules that name the device, the last one that
// names an access decides that access, and all accesses asked for must be allowed.

const BLOCK_DEVICE = 1;
const CHAR_DEVICE = 2;

// Registers; ACCESS holds the accesses that no rule has decided yet.
const TYPE = 2;
const ACCESS = 3;
const MAJOR = 4;
const MINOR = 5;

/** What the rules come to, by device type, in the order of evaluation: the last rule of the list first. */
export type DevicePolicy = { readonly [type in DeviceType]: readonly DeviceAccess[] };

/** Drops what later rules hide, and joins what belongs together. */
export function simplifyRules(rules: readonly DeviceAccess[]): DevicePolicy {
  return {
    char: simplify(rules.filter(({ type }) => type === "char")),
    block: simplify(rules.filter(({ type }) => type === "block")),
  };
}

/** Whether nothing is denied, so that no program is needed. */
export function allowsEverything({ char, block }: DevicePolicy): boolean {
  return [char, block].every(
    (rules) =>
      rules.length === 1 && isAny(rules[0]!) && rules[0]!.allow && rules[0]!.access === ACCESS_ALL,
  );
}

/** The eBPF instructions (struct bpf_insn, little-endian). */
export function compileDeviceProgram({ char, block }: DevicePolicy): Uint8Array {
  const code = startAssembly();
  loadContext(code, TYPE, 0);
  moveRegister(code, ACCESS, TYPE);
  andImmediate(code, TYPE, 0xffff);
  shiftRight(code, ACCESS, 16);
  loadContext(code, MAJOR, 4);
  loadContext(code, MINOR, 8);
  jumpIf(code, [TYPE, "!=", CHAR_DEVICE], "block");
  emitRules(code, char, "char");
  placeLabel(code, "block");
  jumpIf(code, [TYPE, "!=", BLOCK_DEVICE], "deny");
  emitRules(code, block, "block");
  returnAt(code, "allow", 1);
  returnAt(code, "deny", 0);
  return assemble(code);
}

function simplify(rules: readonly DeviceAccess[]): DeviceAccess[] {
  const kept: DeviceAccess[] = [];
  for (const rule of rules.toReversed()) {
    const access = rule.access & ~decidedBefore(kept, rule);
    if (access === 0) continue;
    const twin = findTwin(kept, { ...rule, access });
    if (twin === -1) kept.push({ ...rule, access });
    else kept[twin] = { ...kept[twin]!, access: kept[twin]!.access | access };
  }
  return kept
    .map((rule, index) => ({
      ...rule,
      access: rule.access & ~sameWithout(rule, kept.slice(index + 1)),
    }))
    .filter(({ access }) => access !== 0);
}

/** Accesses that come to the same without the rule, by what is evaluated after it; in the end all is denied. */
function sameWithout(rule: DeviceAccess, after: readonly DeviceAccess[]): number {
  let [open, same] = [rule.access, 0];
  for (const other of [
    ...after,
    { ...rule, allow: false, major: null, minor: null, access: ACCESS_ALL },
  ]) {
    if (other.allow !== rule.allow && overlaps(other, rule)) open &= ~other.access;
    if (other.allow === rule.allow && covers(other, rule)) same |= other.access & open;
  }
  return same;
}

/** Accesses that rules evaluated earlier decide for every device of this rule. */
function decidedBefore(kept: readonly DeviceAccess[], rule: DeviceAccess): number {
  return kept.reduce((bits, other) => (covers(other, rule) ? bits | other.access : bits), 0);
}

/** A kept rule for the same devices and with the same answer, that this one can join without overtaking a rule that disagrees. */
function findTwin(kept: readonly DeviceAccess[], rule: DeviceAccess): number {
  for (let index = kept.length - 1; index >= 0; index--) {
    const other = kept[index]!;
    if (other.allow === rule.allow && other.major === rule.major && other.minor === rule.minor)
      return index;
    if (other.allow !== rule.allow && (other.access & rule.access) !== 0 && overlaps(other, rule))
      return -1;
  }
  return -1;
}

function covers(wide: DeviceAccess, narrow: DeviceAccess): boolean {
  return (
    (wide.major === null || wide.major === narrow.major) &&
    (wide.minor === null || wide.minor === narrow.minor)
  );
}

function overlaps(a: DeviceAccess, b: DeviceAccess): boolean {
  const meet = (x: number | null, y: number | null): boolean => x === null || y === null || x === y;
  return meet(a.major, b.major) && meet(a.minor, b.minor);
}

function isAny(rule: DeviceAccess): boolean {
  return rule.major === null && rule.minor === null;
}

function emitRules(code: Assembly, rules: readonly DeviceAccess[], section: string): void {
  for (const [index, rule] of rules.entries()) {
    const next = `${section}-${index}`;
    if (rule.major !== null) jumpIf(code, [MAJOR, "!=", rule.major], next);
    if (rule.minor !== null) jumpIf(code, [MINOR, "!=", rule.minor], next);
    if (!rule.allow) {
      jumpIf(code, [ACCESS, "&", rule.access], "deny");
    } else if (rule.access === ACCESS_ALL) {
      jump(code, "allow");
      // All is decided here: whatever followed could not be reached.
      if (isAny(rule)) return;
    } else {
      andImmediate(code, ACCESS, ~rule.access);
      jumpIf(code, [ACCESS, "==", 0], "allow");
    }
    placeLabel(code, next);
  }
  jump(code, "deny");
}
