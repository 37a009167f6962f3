// Rules of config.md, Process.
import { capabilities as capabilityNumbers, capabilitySets } from "../tables.ts";
import { nearest } from "../nearest.ts";
import { each, eachDuplicate, isNumberList, quote, type Rule } from "./rule.ts";

const section = "config.md#process";
const posix = "config.md#posix-process";
const linux = "config.md#linux-process";
const reservedId = 0xffff_ffff;

export const processRules: readonly Rule[] = [
  {
    id: "process-required",
    section,
    severity: "warning",
    create: "accept",
    check({ process }, report) {
      if (process !== undefined) return;
      const expected = '{"cwd": "/", "args": ["sh"]}';
      report("/process", "without a process, the container cannot be started", { expected });
    },
  },
  {
    id: "cwd-absolute",
    section,
    severity: "error",
    create: "refuse",
    check({ process }, report) {
      if (process === undefined) return;
      const { cwd } = process;
      const expected = "an absolute path in the container";
      if (!cwd) report("/process/cwd", "Cwd property must not be empty", { expected });
      else if (!cwd.startsWith("/")) {
        report("/process/cwd", "Cwd must be an absolute path", { expected, got: quote(cwd) });
      }
    },
  },
  {
    id: "args-required",
    section,
    severity: "error",
    create: "refuse",
    check({ process }, report) {
      if (process === undefined || process.args?.length) return;
      report("/process/args", "args must not be empty", {
        expected: "the program and its arguments",
      });
    },
  },
  {
    id: "env-assignment",
    section,
    severity: "error",
    create: "refuse",
    check({ process }, report) {
      each(process?.env, (entry, index) => {
        const end = entry.indexOf("=");
        if (end > 0) return;
        const problem = end === 0 ? "name cannot be empty" : "missing '='";
        const message = `invalid environment variable: ${problem}`;
        report(`/process/env/${index}`, message, { expected: "NAME=value", got: quote(entry) });
      });
    },
  },
  {
    id: "env-duplicate",
    section,
    severity: "warning",
    create: "accept",
    check({ process }, report) {
      const nameOf = (entry: string): string | undefined => entry.split("=", 1)[0] || undefined;
      eachDuplicate(process?.env, nameOf, (index, name, first) => {
        report(
          `/process/env/${index}`,
          `${name} is set a second time; the first one, env[${first}], is without effect`,
        );
      });
    },
  },
  {
    id: "console-size-without-terminal",
    section,
    severity: "warning",
    create: "accept",
    check({ process }, report) {
      if (process?.consoleSize === undefined || process.terminal) return;
      report("/process/consoleSize", "is without effect, because terminal is not true");
    },
  },
  {
    id: "windows-only",
    section,
    severity: "warning",
    create: "accept",
    check({ process }, report) {
      const message = "is for Windows and without effect on Linux";
      if (process?.commandLine !== undefined)
        report("/process/commandLine", message, { hint: "use args" });
      if (process?.user?.username !== undefined) {
        report("/process/user/username", message, { hint: "use uid and gid" });
      }
    },
  },
  {
    id: "umask-range",
    section: "config.md#posix-platform-user",
    severity: "error",
    create: "accept",
    check({ process }, report) {
      const umask = process?.user?.umask;
      if (umask === undefined || umask <= 0o777) return;
      report("/process/user/umask", "has more bits than a file mode", {
        expected: "0 to 511 (octal 777)",
        got: String(umask),
        hint: "the number is decimal: octal 022 is 18",
      });
    },
  },
  {
    id: "id-reserved",
    section: "config.md#posix-platform-user",
    severity: "error",
    create: "refuse",
    check({ process }, report) {
      const check = (field: string, id: number | undefined): void => {
        // It stands for "no id": the kernel would leave the process the one that it has.
        if (id !== reservedId) return;
        report(`/process/user/${field}`, "is no id", {
          expected: `0 to ${reservedId - 1}`,
          got: String(id),
        });
      };
      check("uid", process?.user?.uid);
      check("gid", process?.user?.gid);
      each(process?.user?.additionalGids, (id, index) => check(`additionalGids/${index}`, id));
    },
  },
  {
    id: "rlimit-duplicate",
    section: posix,
    severity: "error",
    create: "refuse",
    check({ process }, report) {
      eachDuplicate(
        process?.rlimits,
        ({ type }) => type,
        (index, name, first) => {
          const message = `${name} is limited a second time, after rlimits[${first}]`;
          const expected = "one entry for each type";
          report(`/process/rlimits/${index}/type`, message, { expected, got: quote(name) });
        },
      );
    },
  },
  {
    id: "rlimit-soft-above-hard",
    section: posix,
    severity: "error",
    create: "refuse",
    check({ process }, report) {
      each(process?.rlimits, ({ type, soft, hard }, index) => {
        if (soft === undefined || hard === undefined || soft <= hard) return;
        const message = `the soft limit of ${type} is above the hard limit`;
        report(`/process/rlimits/${index}/soft`, message, {
          expected: `at most ${hard}`,
          got: String(soft),
        });
      });
    },
  },
  {
    id: "capability-unknown",
    section: linux,
    severity: "warning",
    // The plan warns, with what the kernel knows.
    create: "accept",
    check({ process }, report) {
      for (const set of capabilitySets) {
        each(process?.capabilities?.[set], (name, index) => {
          if (Object.hasOwn(capabilityNumbers, name)) return;
          const near = nearest(
            name.startsWith("CAP_") ? name : `CAP_${name}`,
            Object.keys(capabilityNumbers),
          );
          report(
            `/process/capabilities/${set}/${index}`,
            `unknown capability ${quote(name)} is ignored`,
            {
              got: quote(name),
              hint: near === undefined ? undefined : `did you mean ${quote(near)}?`,
            },
          );
        });
      }
    },
  },
  {
    id: "capability-subset",
    section: linux,
    severity: "error",
    create: "accept",
    check({ process }, report) {
      const { effective, permitted = [] } = process?.capabilities ?? {};
      each(effective, (name, index) => {
        if (permitted.includes(name) || !Object.hasOwn(capabilityNumbers, name)) return;
        const message = `${name} cannot be effective: it is not permitted`;
        report(`/process/capabilities/effective/${index}`, message, {
          hint: `add ${quote(name)} to permitted`,
        });
      });
    },
  },
  {
    id: "capability-ambient",
    section: linux,
    severity: "warning",
    create: "accept",
    check({ process }, report) {
      const { ambient, permitted = [], inheritable = [] } = process?.capabilities ?? {};
      each(ambient, (name, index) => {
        const missing = [
          ...(permitted.includes(name) ? [] : ["permitted"]),
          ...(inheritable.includes(name) ? [] : ["inheritable"]),
        ];
        if (missing.length === 0) return;
        const message = `${name} will not be ambient: it is not ${missing.join(" and not ")}`;
        report(`/process/capabilities/ambient/${index}`, message, {
          hint: `add ${quote(name)} to ${missing.join(" and ")}`,
        });
      });
    },
  },
  {
    id: "oom-score-range",
    on: ["process", "oomScoreAdj"],
    section: linux,
    severity: "error",
    create: "refuse",
    check({ process }, report) {
      const score = process?.oomScoreAdj;
      if (score === undefined || (score >= -1000 && score <= 1000)) return;
      report("/process/oomScoreAdj", "is out of range", {
        expected: "-1000 to 1000",
        got: String(score),
      });
    },
  },
  {
    id: "scheduler-nice",
    on: ["process", "scheduler"],
    section: linux,
    severity: "error",
    create: "refuse",
    check({ process }, report) {
      const { policy = "", nice = 0 } = process?.scheduler ?? {};
      if (!["SCHED_OTHER", "SCHED_BATCH"].includes(policy) || (nice >= -20 && nice <= 19)) return;
      const message = `invalid scheduler.nice: ${nice} when scheduler.policy is ${policy}`;
      report("/process/scheduler/nice", message, { expected: "-20 to 19", got: String(nice) });
    },
  },
  {
    id: "scheduler-priority",
    on: ["process", "scheduler"],
    section: linux,
    severity: "error",
    create: "refuse",
    check({ process }, report) {
      const { policy, priority = 0 } = process?.scheduler ?? {};
      if (policy === undefined) return;
      const pointer = "/process/scheduler/priority";
      if (policy === "SCHED_FIFO" || policy === "SCHED_RR") {
        if (priority >= 1 && priority <= 99) return;
        const message = `${policy} needs a priority that the kernel has`;
        report(pointer, message, { expected: "1 to 99", got: String(priority) });
      } else if (priority !== 0) {
        report(
          pointer,
          "scheduler.priority can only be specified for SchedFIFO or SchedRR policy",
          {
            expected: `0 or nothing with ${policy}`,
            got: String(priority),
          },
        );
      }
    },
  },
  {
    id: "scheduler-deadline",
    on: ["process", "scheduler"],
    section: linux,
    severity: "error",
    create: "refuse",
    check({ process }, report) {
      const scheduler = process?.scheduler;
      if (scheduler?.policy === undefined || scheduler.policy === "SCHED_DEADLINE") return;
      const message =
        "scheduler runtime/deadline/period can only be specified for SchedDeadline policy";
      for (const field of ["runtime", "deadline", "period"] as const) {
        if (!scheduler[field]) continue;
        report(`/process/scheduler/${field}`, message, {
          expected: `0 or nothing with ${scheduler.policy}`,
          got: String(scheduler[field]),
        });
      }
    },
  },
  {
    id: "io-priority-range",
    on: ["process", "ioPriority"],
    section: linux,
    severity: "error",
    create: "refuse",
    check({ process }, report) {
      const priority = process?.ioPriority?.priority ?? 0;
      if (priority >= 0 && priority <= 7) return;
      const message = `invalid ioPriority.Priority: ${priority}`;
      report("/process/ioPriority/priority", message, {
        expected: "0 (highest) to 7 (lowest)",
        got: String(priority),
      });
    },
  },
  {
    id: "io-priority-required",
    on: ["process", "ioPriority"],
    section: linux,
    severity: "error",
    create: "accept",
    check({ process }, report) {
      if (process?.ioPriority === undefined || process.ioPriority.priority !== undefined) return;
      report("/process/ioPriority/priority", "is required but missing", {
        expected: "0 (highest) to 7 (lowest)",
      });
    },
  },
  {
    id: "cpu-affinity-list",
    on: ["process", "execCPUAffinity"],
    section: linux,
    severity: "error",
    create: "refuse",
    check({ process }, report) {
      for (const field of ["initial", "final"] as const) {
        const cpus = process?.execCPUAffinity?.[field];
        if (!cpus || isNumberList(cpus)) continue;
        const message = "is not a list of CPUs";
        report(`/process/execCPUAffinity/${field}`, message, {
          expected: 'a list such as "0-3,7"',
          got: quote(cpus),
        });
      }
    },
  },
];
