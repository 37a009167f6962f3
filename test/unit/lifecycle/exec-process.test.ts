import t from "tap";
import type { ContainerConfig } from "../../../src/lifecycle/container-config.ts";
import { chooseProcess, type ProcessChanges } from "../../../src/lifecycle/exec-process.ts";
import type { LoadedProcess } from "../../../src/spec/process-file.ts";
import type { Process, ValidSpec } from "../../../src/spec/types.ts";
import type { State } from "../../../src/state/state.ts";
import { TsrunError } from "../../../src/errors.ts";

const own: Process = {
  terminal: true,
  args: ["init"],
  cwd: "/home",
  env: ["A=1"],
  user: { uid: 1, gid: 2, umask: 0o77, additionalGids: [3] },
  capabilities: { bounding: ["CAP_KILL"], effective: ["CAP_KILL"], permitted: ["CAP_KILL"] },
  rlimits: [{ type: "RLIMIT_CORE", soft: 1, hard: 2 }],
  noNewPrivileges: true,
  apparmorProfile: "container",
  selinuxLabel: "label",
  oomScoreAdj: 7,
  scheduler: { policy: "SCHED_BATCH" },
  ioPriority: { class: "IOPRIO_CLASS_IDLE" },
  execCPUAffinity: { final: "1" },
};
const state = { bundle: "/bundle" } as State;

function config(process: Process = own): ContainerConfig {
  const text = JSON.stringify({ process }, null, 1);
  return { spec: { process } as ValidSpec, file: "/state/config.json", text };
}

const nothing: ProcessChanges = {
  args: ["ls"],
  terminal: false,
  env: [],
  capabilities: [],
  additionalGids: [],
};

const changed = (changes: Partial<ProcessChanges>, container = own) =>
  chooseProcess({ ...nothing, ...changes }, config(container), state).process;

t.test("without changes only the program is another, and has no terminal", async (t) => {
  t.same(changed({}), { ...own, args: ["ls"], terminal: false });
});

t.test("changes replace, or are added where there may be several", async (t) => {
  const process = changed({
    terminal: true,
    cwd: "/tmp",
    env: ["B=2"],
    user: { uid: 10 },
    additionalGids: [20],
    apparmorProfile: "other",
    selinuxLabel: "another",
    noNewPrivileges: false,
  });
  t.match(process, {
    terminal: true,
    cwd: "/tmp",
    env: ["A=1", "B=2"],
    user: { uid: 10, gid: 2, umask: 0o77, additionalGids: [3, 20] },
    apparmorProfile: "other",
    selinuxLabel: "another",
    noNewPrivileges: false,
  });
  t.match(changed({ user: { uid: 10, gid: 11 } }).user, { uid: 10, gid: 11 });
});

t.test("capabilities are added, ambient ones where there are inheritable ones", async (t) => {
  const both = ["CAP_KILL", "CAP_CHOWN"];
  t.same(changed({ capabilities: ["CAP_CHOWN"] }).capabilities, {
    bounding: both,
    effective: both,
    permitted: both,
  });
  const inheriting = { ...own, capabilities: { ...own.capabilities, inheritable: ["CAP_KILL"] } };
  t.same(changed({ capabilities: ["CAP_CHOWN"] }, inheriting).capabilities, {
    bounding: both,
    effective: both,
    permitted: both,
    inheritable: ["CAP_KILL"],
    ambient: ["CAP_CHOWN"],
  });
  const none = { ...own, capabilities: undefined };
  t.same(changed({ capabilities: ["CAP_CHOWN"] }, none).capabilities, {
    bounding: ["CAP_CHOWN"],
    effective: ["CAP_CHOWN"],
    permitted: ["CAP_CHOWN"],
  });
});

t.test("a program must be named", async (t) => {
  t.throws(() => changed({ args: [] }), { code: "USAGE", message: "exec args cannot be empty" });
});

const file = (process: Process): (() => LoadedProcess) => {
  return () => ({ process, file: "/process.json", text: JSON.stringify(process, null, 1) });
};

t.test("a file has rights and limits of the container where it has none itself", async (t) => {
  const { process, base } = chooseProcess(file({ args: ["x"], cwd: "/" }), config(), state);
  const { terminal, env, noNewPrivileges, ...rest } = own;
  t.not(terminal ?? env ?? noNewPrivileges, undefined);
  t.same(process, { ...rest, args: ["x"], cwd: "/", user: { umask: 0o77 } });
  t.equal(base, ".", "sockets are relative to the caller's directory");
  const full: Process = {
    ...own,
    user: { uid: 5, umask: 1 },
    capabilities: {},
    rlimits: [{ type: "RLIMIT_CPU", soft: 1, hard: 1 }],
    apparmorProfile: "own",
    selinuxLabel: "own",
    scheduler: { policy: "SCHED_OTHER" },
    ioPriority: { class: "IOPRIO_CLASS_BE" },
    execCPUAffinity: {},
    oomScoreAdj: 100,
  };
  const own7 = { ...full, oomScoreAdj: 7 };
  t.same(chooseProcess(file(full), config(), state).process, own7);
});

t.test("an error is located where what it is about was said", async (t) => {
  const at = (pointer: string) => new TsrunError("CONFIG_INVALID", "wrong", { pointer });
  const changes = { ...nothing, env: ["B=2"], user: { uid: 5 } };
  const line = chooseProcess(changes, config(), state);
  t.match(line.locate(at("/process/env/0")), { position: { file: "/state/config.json" } });
  for (const pointer of ["/process/env/1", "/process/user/uid", "/process/args/0"]) {
    t.match(line.locate(at(pointer)), { pointer: undefined, position: undefined }, pointer);
  }
  const loaded = chooseProcess(file({ args: ["x"], cwd: "/" }), config(), state);
  t.match(loaded.locate(at("/process/args/0")), {
    pointer: "/args/0",
    position: { file: "/process.json" },
  });
  t.match(loaded.locate(at("/process/rlimits/0")), {
    pointer: "/process/rlimits/0",
    position: { file: "/state/config.json" },
  });
});
