// What needs no container: the same on every system.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import t from "tap";
import {
  defaultSpec,
  explain,
  modernHost,
  parseSpec,
  plan,
  renderSteps,
  validate,
} from "../../../src/index.ts";

const text = JSON.stringify(defaultSpec(), null, 2);

t.test("a configuration is given as text or as what it says", async (t) => {
  t.strictSame(parseSpec(text), parseSpec(defaultSpec()));
  t.throws(() => parseSpec('{"root": 3}', { file: "some.json" }), {
    code: "CONFIG_INVALID",
    name: "TsrunError",
  });
  t.throws(() => parseSpec("{"), { code: "CONFIG_SYNTAX", position: { line: 1 } });
  const places = validate(`{\n "root": 3\n}`).map(({ pointer, line }) => `${pointer} ${line}`);
  t.ok(places.includes("/root 2"), String(places));
});

t.test("a plan is for the host that is given", async (t) => {
  const options = { host: modernHost, id: "example", bundle: "/somewhere" };
  t.equal(plan(text, options).cgroup?.path, "/sys/fs/cgroup/example");
  t.match(renderSteps(explain(text, options)), "mount rootfs /somewhere/rootfs");
  t.throws(() => plan(text, { ...options, bundle: "C:\\bundle" }), { code: "BUNDLE" });
});

t.test("another system than Linux can plan, and is told why it cannot run", async (t) => {
  const script = `
    Object.defineProperty(process, "platform", { value: "darwin" });
    process.dlopen = () => { throw new Error("native code was loaded"); };
    const { Runtime, explain, defaultSpec } = await import(${JSON.stringify(join(import.meta.dirname, "../../../src/index.ts"))});
    const steps = explain(defaultSpec()).length;
    const error = await Runtime.open().create({ spec: defaultSpec() }).catch((error) => error);
    console.log(JSON.stringify({ steps: steps > 10, code: error.code, message: error.message }));`;
  const said = execFileSync(process.execPath, ["--input-type=module", "-e", script], {
    encoding: "utf8",
  });
  t.match(JSON.parse(said), {
    steps: true,
    code: "HOST",
    message: "containers need Linux, this is darwin",
  });
});
