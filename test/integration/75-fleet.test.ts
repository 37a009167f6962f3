// Many containers at once, in all that is done to a container that runs.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import t from "tap";
import { prepare, root } from "./support/container.ts";
import { cgroupMount } from "./support/host.ts";
import { livingProcesses, commandLine } from "./support/process.ts";
import { onlyTsrun, runtime } from "./support/runtime.ts";

/** A smaller number for a machine that takes long for 200. */
const containers = Number(process.env.TSRUN_FLEET ?? 200);
const processes = 8;
const prefix = `fleet${process.pid}`;

t.setTimeout(1_800_000);

t.test(
  `${containers} containers created, paused, resumed, updated and deleted by ${processes} processes at once leave nothing`,
  { skip: onlyTsrun("an update of what every cgroup has") },
  async (t) => {
    const c = prepare(t, (config) => {
      config.process.args = ["sleep", "1000"];
      config.linux.cgroupsPath = "";
    });
    const resources = join(c.bundle, "resources.json");
    writeFileSync(resources, JSON.stringify({ unified: { "cgroup.max.depth": "5" } }));
    const share = Math.ceil(containers / processes);
    const lanes = Array.from({ length: processes }, (_, lane) =>
      runLane(
        join(c.bundle, `lane${lane}`),
        [
          `create --bundle ${c.bundle}`,
          "start",
          "pause",
          "resume",
          `update --resources ${resources}`,
          "kill ID KILL",
          "delete --force",
        ],
        Array.from({ length: share }, (_, number) => `${prefix}-${lane}-${number}`),
      ),
    );
    for (const { code, output } of await Promise.all(lanes)) {
      t.equal(output, "");
      t.equal(code, 0);
    }
    t.strictSame(readdirSync(root), [], "state root");
    t.strictSame(cgroups(), [], "cgroups");
    t.strictSame(
      livingProcesses()
        .map((pid) => commandLine(pid))
        .filter((line) => line.includes(prefix)),
      [],
      "processes",
    );
    t.notMatch(readFileSync("/proc/self/mountinfo", "utf8"), prefix, "mounts");
  },
);

type Lane = { code: number | null; output: string };

/** A shell that takes its containers through the commands: all of them through one before the next. */
async function runLane(
  file: string,
  commands: readonly string[],
  ids: readonly string[],
): Promise<Lane> {
  const steps = commands.map((command) => {
    const words = command.includes("ID") ? command.replace("ID", "$id") : `${command} $id`;
    return `for id in ${ids.join(" ")}; do ${runtime} --root ${root} ${words} </dev/null >>${file} 2>&1 || { echo "$id: ${command} failed" >>${file}; exit 1; }; done`;
  });
  const child = spawn("sh", ["-c", steps.join("\n")], { stdio: "ignore" });
  const [code] = (await once(child, "exit")) as [number | null];
  return { code, output: readFileSync(file, "utf8") };
}

function cgroups(): string[] {
  return readdirSync(cgroupMount(), { recursive: true, encoding: "utf8" }).filter((path) =>
    path.includes(prefix),
  );
}
