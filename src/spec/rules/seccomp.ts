// Rules of config-linux.md, Seccomp.
import { seccompErrnoActions } from "../tables.ts";
import { each, eachDuplicate, quote, type Rule } from "./rule.ts";

const section = "config-linux.md#seccomp";
const base = "/linux/seccomp";
const maxErrno = 4095;

export const seccompRules: readonly Rule[] = [
  {
    id: "seccomp-errno-ret",
    on: ["linux", "seccomp"],
    section,
    severity: "error",
    // More than runc does: the specification wants it in so many words.
    create: "refuse",
    check({ linux }, report) {
      const seccomp = linux?.seccomp;
      const check = (
        pointer: string,
        action: string | undefined,
        errno: number | undefined,
      ): void => {
        if (action === undefined || errno === undefined) return;
        if (!(seccompErrnoActions as readonly string[]).includes(action)) {
          report(pointer, `${action} returns no errno`, {
            expected: `${seccompErrnoActions.join(" or ")} for an errno`,
            got: String(errno),
          });
        } else if (action === "SCMP_ACT_ERRNO" && errno > maxErrno) {
          report(pointer, "is no errno", { expected: `0 to ${maxErrno}`, got: String(errno) });
        }
      };
      check(`${base}/defaultErrnoRet`, seccomp?.defaultAction, seccomp?.defaultErrnoRet);
      each(seccomp?.syscalls, ({ action, errnoRet }, index) => {
        check(`${base}/syscalls/${index}/errnoRet`, action, errnoRet);
      });
    },
  },
  {
    id: "seccomp-names-required",
    on: ["linux", "seccomp"],
    section,
    severity: "error",
    create: "accept",
    check({ linux }, report) {
      each(linux?.seccomp?.syscalls, ({ names }, index) => {
        const pointer = `${base}/syscalls/${index}/names`;
        if (names?.length === 0)
          report(pointer, "names no syscall", { expected: "at least one name" });
        each(names, (name, at) => {
          if (name === "")
            report(`${pointer}/${at}`, "must not be empty", { expected: "a system call" });
        });
      });
    },
  },
  {
    id: "seccomp-arg-index",
    on: ["linux", "seccomp"],
    section,
    severity: "error",
    create: "refuse",
    check({ linux }, report) {
      each(linux?.seccomp?.syscalls, ({ args }, index) => {
        each(args, (arg, at) => {
          if (arg.index === undefined || arg.index <= 5) return;
          const details = { expected: "0 to 5", got: String(arg.index) };
          report(
            `${base}/syscalls/${index}/args/${at}/index`,
            "no syscall has that many arguments",
            details,
          );
        });
      });
    },
  },
  {
    id: "seccomp-arg-value-two",
    on: ["linux", "seccomp"],
    section,
    severity: "warning",
    create: "accept",
    check({ linux }, report) {
      each(linux?.seccomp?.syscalls, ({ args }, index) => {
        each(args, ({ op, valueTwo }, at) => {
          if (!valueTwo || op === undefined || op === "SCMP_CMP_MASKED_EQ") return;
          report(`${base}/syscalls/${index}/args/${at}/valueTwo`, `is without effect with ${op}`, {
            hint: "only SCMP_CMP_MASKED_EQ has two values: the mask and what is compared",
          });
        });
      });
    },
  },
  {
    id: "seccomp-notify-default",
    on: ["linux", "seccomp"],
    section,
    severity: "error",
    create: "refuse",
    check({ linux }, report) {
      if (linux?.seccomp?.defaultAction !== "SCMP_ACT_NOTIFY") return;
      report(`${base}/defaultAction`, "SCMP_ACT_NOTIFY cannot be used as default action", {
        expected: "another action",
        hint: "name the system calls to be told of in syscalls",
      });
    },
  },
  {
    id: "seccomp-notify-write",
    on: ["linux", "seccomp"],
    section,
    severity: "error",
    create: "refuse",
    check({ linux }, report) {
      each(linux?.seccomp?.syscalls, ({ action, names }, index) => {
        if (action !== "SCMP_ACT_NOTIFY" || !names?.includes("write")) return;
        const pointer = `${base}/syscalls/${index}/names/${names.indexOf("write")}`;
        report(pointer, "SCMP_ACT_NOTIFY cannot be used for the write syscall", {
          expected: "other system calls",
          hint: "the runtime itself has to write under the profile",
        });
      });
    },
  },
  {
    id: "seccomp-notify-listener",
    on: ["linux", "seccomp"],
    section,
    severity: "error",
    create: "refuse",
    check({ linux }, report) {
      const { syscalls, listenerPath } = linux?.seccomp ?? {};
      const uses = syscalls?.findIndex((rule) => rule?.action === "SCMP_ACT_NOTIFY") ?? -1;
      if (uses === -1 || listenerPath) return;
      const expected = "the path of a socket that takes the notifications";
      report(`${base}/listenerPath`, "seccomp listenerPath is not set", { expected });
    },
  },
  {
    id: "seccomp-listener-metadata",
    on: ["linux", "seccomp"],
    section,
    severity: "error",
    create: "accept",
    check({ linux }, report) {
      const { listenerPath, listenerMetadata } = linux?.seccomp ?? {};
      if (!listenerMetadata || listenerPath) return;
      report(`${base}/listenerMetadata`, "is without effect, because there is no listenerPath", {
        expected: "nothing without a listenerPath",
      });
    },
  },
  {
    id: "seccomp-architecture-duplicate",
    on: ["linux", "seccomp"],
    section,
    severity: "warning",
    create: "accept",
    check({ linux }, report) {
      eachDuplicate(
        linux?.seccomp?.architectures,
        (name) => name,
        (index, name, first) => {
          report(
            `${base}/architectures/${index}`,
            `${quote(name)} is architectures[${first}] already`,
          );
        },
      );
    },
  },
];
