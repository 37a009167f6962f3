import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { prepare, shell } from "./support/container.ts";
import {
  counted,
  countingContainer,
  imageFlags,
  needsCriu,
  startCounting,
  withCriu as options,
} from "./support/criu.ts";
import { nothing, remainsOf } from "./support/remains.ts";
import { kind, onlyTsrun, runtime } from "./support/runtime.ts";
import { until } from "./support/wait.ts";

const skip = needsCriu();
t.test("a container goes on where it was when it was checkpointed", { skip }, (t) => {
  const c = countingContainer(t);
  startCounting(c);
  t.match(c.call(["checkpoint", ...imageFlags(c), c.id], options), {
    status: 0,
    stdout: "",
    stderr: "",
  });
  t.match(c.call(["state", c.id]), { status: 1, stderr: /does not exist/ });
  t.same(remainsOf(c), nothing);
  const before = counted(c);
  writeFileSync(join(c.rootfs, "count"), "0");
  const flags = ["--detach", "--bundle", c.bundle, "--pid-file", c.pidFile];
  t.match(c.call(["restore", ...imageFlags(c), ...flags, c.id], options), {
    status: 0,
    stdout: "",
    stderr: "",
  });
  t.equal(c.status(), "running");
  t.equal(readFileSync(c.pidFile, "utf8"), String(c.state().pid));
  t.ok(until(() => counted(c) > before));
  t.equal(c.delete("--force").status, 0);
  t.same(remainsOf(c), nothing);
  t.end();
});

t.test("with --leave-running the container goes on, and its images are complete", { skip }, (t) => {
  const c = countingContainer(t);
  startCounting(c);
  const { pid } = c.state();
  t.match(c.call(["checkpoint", "--leave-running", ...imageFlags(c), c.id], options), {
    status: 0,
  });
  t.match(c.state(), { status: "running", pid });
  const before = counted(c);
  t.ok(until(() => counted(c) > before));
  t.equal(c.delete("--force").status, 0);
  const flags = ["--detach", "--bundle", c.bundle];
  t.match(c.call(["restore", ...imageFlags(c), ...flags, c.id], options), { status: 0 });
  t.equal(c.status(), "running");
  t.end();
});

t.test("the caller's pipes of a restore take the place of the old ones", { skip }, async (t) => {
  const c = countingContainer(t, (config) => {
    config.process.args = shell("while :; do sleep 0.1; echo tick; done");
  });
  const throughPipe = (verb: string, flags: string[], file: string): void => {
    const words = [
      runtime,
      "--root",
      c.root,
      verb,
      "--detach",
      "--bundle",
      c.bundle,
      ...flags,
      c.id,
    ];
    const script = '"$@" < /dev/null 2>&1 | cat > "$0"';
    const child = spawn("sh", ["-c", script, file, ...words], {
      env: options.env,
      stdio: "ignore",
    });
    t.teardown(() => child.kill());
  };
  const shows = (file: string): boolean =>
    existsSync(file) && readFileSync(file, "utf8").includes("tick");
  const [first, second] = [join(c.bundle, "first"), join(c.bundle, "second")];
  throughPipe("run", [], first);
  t.ok(until(() => shows(first)));
  t.match(c.call(["checkpoint", ...imageFlags(c), c.id], options), { status: 0, stderr: "" });
  throughPipe("restore", imageFlags(c), second);
  t.ok(
    until(() => shows(second), 60_000),
    existsSync(second) ? readFileSync(second, "utf8") : "",
  );
});

t.test("a paused container can be checkpointed, and runs when it is restored", { skip }, (t) => {
  const c = countingContainer(t);
  startCounting(c);
  t.equal(c.call(["pause", c.id]).status, 0);
  const before = counted(c);
  t.match(c.call(["checkpoint", ...imageFlags(c), c.id], options), { status: 0, stderr: "" });
  t.same(remainsOf(c), nothing);
  const flags = ["--detach", "--bundle", c.bundle];
  t.match(c.call(["restore", ...imageFlags(c), ...flags, c.id], options), { status: 0 });
  t.equal(c.status(), "running");
  t.ok(until(() => counted(c) > before));
  t.end();
});

t.test(
  "a pre-dump makes the next one smaller, or it is said what cannot track memory",
  { skip },
  (t) => {
    const c = countingContainer(t);
    startCounting(c);
    const first = ["--image-path", join(c.bundle, "first")];
    const { status, stderr } = c.call(["checkpoint", "--pre-dump", ...first, c.id], options);
    t.equal(c.status(), "running");
    if (status !== 0) {
      t.match(stderr, /criu is missing features: \[MemTrack\]/);
      return t.end();
    }
    const parent = ["--parent-path", "../first"];
    t.match(c.call(["checkpoint", ...parent, ...imageFlags(c), c.id], options), { status: 0 });
    t.ok(existsSync(join(c.bundle, "images/parent")));
    const flags = ["--detach", "--bundle", c.bundle];
    t.match(c.call(["restore", ...imageFlags(c), ...flags, c.id], options), { status: 0 });
    t.equal(c.status(), "running");
    t.end();
  },
);

t.test("what CRIU cannot save is said in its words, and the container goes on", { skip }, (t) => {
  const c = countingContainer(t);
  c.run(["--detach"], options); // its stdout is a file of the host
  t.ok(until(() => counted(c) >= 3));
  const { status, stderr } = c.call(["checkpoint", ...imageFlags(c), c.id], options);
  t.equal(status, 1);
  t.match(stderr, kind === "tsrun" ? /criu failed: .*Can't lookup mount/ : "criu failed");
  if (kind === "tsrun") t.match(stderr, /hint: stdin, stdout or stderr is a file of the host/);
  t.equal(c.status(), "running");
  t.end();
});

t.test("only a container that runs can be checkpointed", (t) => {
  const c = prepare(t, (config) => (config.process.args = ["true"]));
  c.create();
  t.match(c.call(["checkpoint", c.id]), {
    status: 1,
    stderr: /Container cannot be checkpointed in created state/,
  });
  c.start();
  t.ok(c.waitFor("stopped"));
  t.match(c.call(["checkpoint", c.id]), {
    status: 1,
    stderr: /Container cannot be checkpointed in stopped state/,
  });
  t.match(c.call(["checkpoint", "absent"]), { status: 1, stderr: /does not exist/ });
  t.end();
});

t.test("without CRIU it is said what is missing", { skip: onlyTsrun("the text") }, (t) => {
  const c = prepare(t, (config) => (config.process.args = ["sleep", "100"]));
  c.run(["--detach"]);
  const { status, stderr } = c.call(["checkpoint", ...imageFlags(c), c.id], {
    env: { PATH: c.bundle },
  });
  t.equal(status, 1);
  t.match(stderr, "executable file not found in $PATH");
  t.match(stderr, /hint: .*install it/);
  t.equal(c.status(), "running");
  t.end();
});
