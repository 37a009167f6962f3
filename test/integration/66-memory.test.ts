// Little memory: what a container needs at least, and what is said when it has less.
import { readFileSync } from "node:fs";
import t from "tap";
import { prepare, shell, type Container } from "./support/container.ts";
import { requires } from "./support/host.ts";
import { notWith, onlyTsrun } from "./support/runtime.ts";

t.setTimeout(300_000);

const M = 1 << 20;
const memory = requires("unified-cgroup", "memory");

function limited(c: Container, limit: number, args: string[]): void {
  c.configure((config) => {
    config.linux.cgroupsPath = `/tests/${c.id}`;
    config.linux.resources = { memory: { limit, swap: limit } };
    config.process.args = args;
  });
}

t.test(
  "a container with 1 MiB of memory runs /bin/true",
  {
    skip: memory || notWith("runc", "needs several MiB"),
  },
  async (t) => {
    const c = prepare(t);
    for (let round = 0; round < 5; round++) {
      limited(c, M, ["/bin/true"]);
      t.equal(c.run().status, 0, c.stderr());
    }
    t.match(c.create(), { status: 0 });
    t.equal(readFileSync(`/sys/fs/cgroup/tests/${c.id}/memory.max`, "utf8"), `${M}\n`);
    t.match(c.start(), { status: 0 });
  },
);

t.test(
  "with too little memory create tells the limit, the peak and what is enough",
  {
    skip: memory || onlyTsrun("the explanation"),
  },
  async (t) => {
    const c = prepare(t);
    limited(c, 4096, ["/bin/true"]);
    const { status } = c.create();
    t.equal(status, 1);
    t.match(
      c.stderr(),
      /(no memory for container init|container init was OOM-killed) \(memory limit too low\?\): memory.max is 4096 bytes, at most \d+ were used/,
    );
    t.match(c.stderr(), /the smallest limit known to work, for \/bin\/true, is \d+ bytes/);
    t.match(c.stderr(), `/linux/resources/memory/limit at ${c.bundle}/config.json:`);
  },
);

t.test(
  "a foreground run whose process dies of the limit tells so",
  {
    skip: memory || onlyTsrun("the explanation"),
  },
  async (t) => {
    const c = prepare(t);
    limited(c, 16 * M, shell("exec tail -c 40000000 /dev/zero"));
    t.equal(c.run().status, 137);
    t.match(
      c.stderr(),
      /container process was OOM-killed: memory.max is 16777216 bytes, at most 167\d+ were used/,
    );
    t.match(c.stderr(), "the smallest limit known to work");
    limited(c, 16 * M, shell("kill -9 $$"));
    const before = c.stderr().length;
    c.configure(
      (config) =>
        (config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "pid")),
    );
    t.equal(c.run().status, 137);
    t.equal(c.stderr().slice(before), "", "another end by KILL is none of it");
  },
);
