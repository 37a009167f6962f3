import t from "tap";

import { compileVerbs } from "../../../src/lifecycle/verbs.ts";
import type { Step } from "../../../src/plan/wire.ts";
import type { State } from "../../../src/state/state.ts";

const state: State = {
  version: 1,
  phase: "made",
  id: "web",
  bundle: "/srv/bundle",
  rootfs: "/srv/bundle/rootfs",
  created: "2030-01-02T03:04:05Z",
  init: { pid: 77, startTime: 1234 },
  cgroup: { path: "/sys/fs/cgroup/web", driver: "cgroupfs" },
  rootless: false,
  namespaces: [{ type: "pid" }],
};

/** The programs by "command", or "command flags". */
function programs(given: Partial<State> = {}): Map<string, Step[]> {
  const all = new Map<string, Step[]>();
  let current: Step[] = [];
  for (const step of compileVerbs({ ...state, ...given })) {
    if (step.op === "verb") {
      current = [];
      all.set(step.flags === 0 ? step.name : `${step.name} ${Number(step.flags)}`, current);
    } else current.push(step);
  }
  return all;
}

const names = (steps: readonly Step[] | undefined) => steps?.map(({ op }) => op);

t.test("there is a program for every verb, and for --all and --force", async (t) => {
  t.strictSame([...programs().keys()], ["state", "start", "kill", "kill 1", "delete", "delete 1"]);
});

t.test("state prints one text for each combination of facts", async (t) => {
  const steps = programs().get("state")!;
  const texts = steps.filter((step) => step.op === "print");
  t.equal(texts.length, 8);
  const statuses = texts.map(({ content }) => {
    const { status, pid } = JSON.parse(content) as { status: string; pid: number };
    return `${status} ${pid}`;
  });
  t.strictSame(statuses, [
    "stopped 0",
    "paused 77",
    "running 77",
    "paused 77",
    "stopped 0",
    "paused 77",
    "created 77",
    "paused 77",
  ]);
});

t.test("nothing is changed before the facts are known and the rest is refused", async (t) => {
  for (const [name, steps] of programs()) {
    const kinds = names(steps)!;
    const effects = ["send_signal", "end_process", "kill_cgroup", "remove_cgroup", "open_gate"];
    const first = kinds.findIndex((kind) => effects.includes(kind));
    const asks = ["unless_set", "lock", "fact_alive", "fact_file", "fact_line", "refuse"];
    const last = kinds.findLastIndex((kind) => asks.includes(kind));
    t.ok(first === -1 || last < first, name);
  }
});

t.test("only a created container is started", async (t) => {
  const refused = programs()
    .get("start")!
    .filter((step) => step.op === "refuse");
  t.strictSame(
    refused.map(({ facts }) => facts),
    [0, 1, 2, 3, 4, 5, 7],
    "all but alive and waiting",
  );
});

t.test("hooks that are to come are the engine's", async (t) => {
  const hook = [{ path: "/bin/true" }];
  t.notOk(programs({ hooks: { poststart: hook } }).has("start"));
  t.notOk(programs({ hooks: { startContainer: hook } }).has("start"));
  t.notOk(programs({ hooks: { poststop: hook } }).has("delete"));
  t.notOk(programs({ hooks: { poststop: hook } }).has("delete 1"));
  t.ok(programs({ hooks: { poststop: hook } }).has("start"));
});

t.test("a scope of systemd is the engine's to stop", async (t) => {
  const cgroup = {
    path: "/sys/fs/cgroup/system.slice/runc-web.scope",
    driver: "systemd",
    unit: "runc-web.scope",
    instance: "system",
  } as const;
  t.strictSame([...programs({ cgroup }).keys()], ["state", "start", "kill", "kill 1"]);
});

t.test("without a pid namespace SIGKILL is the engine's", async (t) => {
  t.match(programs({ namespaces: [] }).get("kill")![0], { op: "read_signal", but: 9 });
  t.match(programs({ namespaces: [{ type: "pid", path: "/proc/1/ns/pid" }] }).get("kill")![0], {
    but: 9,
  });
  t.match(programs().get("kill")![0], { op: "read_signal", but: 255, only: 255 });
});

t.test("without a cgroup there is none to ask, to kill or to remove", async (t) => {
  const all = programs({ cgroup: null });
  t.strictSame(names(all.get("delete 1")), ["lock", "end_process", "remove_state"]);
  t.notOk(all.has("kill 1"));
  t.notOk(names(all.get("state"))!.includes("fact_line"));
});
