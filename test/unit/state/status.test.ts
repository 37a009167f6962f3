import t from "tap";

import { deriveStatus, type StatusFacts } from "../../../src/state/status.ts";
import { canDelete, canKill, canStart } from "../../../src/state/transitions.ts";

const statuses = ["creating", "created", "running", "paused", "stopped"] as const;
const waiting: StatusFacts = { made: true, frozen: false, initAlive: true, fifoExists: true };

t.test("a container whose init waits on the exec fifo is created", (t) => {
  t.equal(deriveStatus(waiting), "created");
  t.end();
});

t.test("without the fifo it is running", (t) => {
  t.equal(deriveStatus({ ...waiting, fifoExists: false }), "running");
  t.end();
});

t.test("without its init it is stopped, started or not", (t) => {
  t.equal(deriveStatus({ ...waiting, initAlive: false }), "stopped");
  t.equal(deriveStatus({ ...waiting, initAlive: false, fifoExists: false }), "stopped");
  t.end();
});

t.test("a frozen cgroup wins over created and stopped", (t) => {
  t.equal(deriveStatus({ ...waiting, frozen: true }), "paused");
  t.equal(deriveStatus({ ...waiting, frozen: true, initAlive: false }), "paused");
  t.end();
});

t.test("what has not been made to its end is creating", (t) => {
  t.equal(deriveStatus({ ...waiting, made: false, initAlive: false }), "creating");
  t.end();
});

t.test("only a created container can be started", (t) => {
  t.same(statuses.filter(canStart), ["created"]);
  t.end();
});

t.test("whatever has a process can be killed", (t) => {
  t.same(statuses.filter(canKill), ["created", "running", "paused"]);
  t.end();
});

t.test("what is stopped or never started can be deleted without force", (t) => {
  t.same(statuses.filter(canDelete), ["created", "stopped"]);
  t.end();
});
