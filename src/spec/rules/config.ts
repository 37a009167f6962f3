// Rules of config.md but for process and mounts.
import { hookNames } from "../tables.ts";
import { each, namespaceOf, quote, type Rule, token } from "./rule.ts";

const semver =
  /^(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/;

export const configRules: readonly Rule[] = [
  {
    id: "oci-version",
    section: "config.md#specification-version",
    severity: "error",
    create: "accept",
    check({ ociVersion }, report) {
      const expected = 'a version such as "1.3.0"';
      if (ociVersion === undefined) report("/ociVersion", "is required but missing", { expected });
      else if (!semver.test(ociVersion)) {
        report("/ociVersion", "is not a semantic version", { expected, got: quote(ociVersion) });
      } else if (!ociVersion.startsWith("1.")) {
        const message = "is a version of the specification that tsrun does not know";
        report("/ociVersion", message, {
          expected: "a version from 1.0.0 on, before 2.0.0",
          got: quote(ociVersion),
        });
      }
    },
  },
  {
    id: "root-required",
    section: "config.md#root",
    severity: "error",
    create: "refuse",
    check({ root }, report) {
      if (root === undefined)
        report("/root", "root must be specified", { expected: '{"path": "rootfs"}' });
    },
  },
  {
    id: "root-path-empty",
    section: "config.md#root",
    severity: "error",
    create: "refuse",
    check({ root }, report) {
      if (root?.path === "")
        report("/root/path", "must not be empty", { expected: 'a path such as "rootfs"' });
    },
  },
  {
    id: "hostname-needs-uts",
    section: "config.md#hostname",
    severity: "error",
    create: "refuse",
    check(spec, report) {
      if (!spec.hostname || namespaceOf(spec, "uts")) return;
      report(
        "/hostname",
        "unable to set hostname without a private UTS namespace",
        addNamespace("uts"),
      );
    },
  },
  {
    id: "domainname-needs-uts",
    section: "config.md#domainname",
    severity: "error",
    create: "refuse",
    check(spec, report) {
      if (!spec.domainname || namespaceOf(spec, "uts")) return;
      report(
        "/domainname",
        "unable to set domainname without a private UTS namespace",
        addNamespace("uts"),
      );
    },
  },
  {
    id: "hostname-length",
    section: "config.md#hostname",
    severity: "error",
    create: "refuse",
    check(spec, report) {
      for (const field of ["hostname", "domainname"] as const) {
        const length = Buffer.byteLength(spec[field] ?? "");
        if (length <= 64) continue;
        report(`/${field}`, "is longer than the kernel allows", {
          expected: "at most 64 bytes",
          got: `${length} bytes`,
        });
      }
    },
  },
  {
    id: "hook-path-absolute",
    on: ["hooks"],
    section: "config.md#posix-platform-hooks",
    severity: "error",
    create: "accept",
    check({ hooks }, report) {
      for (const name of hookNames) {
        each(hooks?.[name], ({ path }, index) => {
          if (path === undefined || path.startsWith("/")) return;
          report(`/hooks/${name}/${index}/path`, "is not absolute", {
            expected: "an absolute path",
            got: quote(path),
          });
        });
      }
    },
  },
  {
    id: "hook-timeout-positive",
    on: ["hooks"],
    section: "config.md#posix-platform-hooks",
    severity: "error",
    create: "accept",
    check({ hooks }, report) {
      for (const name of hookNames) {
        each(hooks?.[name], ({ timeout }, index) => {
          if (timeout === undefined || timeout > 0) return;
          report(`/hooks/${name}/${index}/timeout`, "leaves the hook no time", {
            expected: "a number of seconds above 0",
            got: String(timeout),
            hint: "leave timeout out for a hook that may take its time",
          });
        });
      }
    },
  },
  {
    id: "hook-env-assignment",
    on: ["hooks"],
    section: "config.md#posix-platform-hooks",
    severity: "error",
    create: "accept",
    check({ hooks }, report) {
      for (const name of hookNames) {
        each(hooks?.[name], ({ env }, index) => {
          each(env, (entry, at) => {
            if (entry.indexOf("=") > 0) return;
            const details = { expected: "NAME=value", got: quote(entry) };
            report(`/hooks/${name}/${index}/env/${at}`, "is no environment variable", details);
          });
        });
      }
    },
  },
  {
    id: "hook-prestart-deprecated",
    on: ["hooks"],
    section: "config.md#prestart",
    severity: "warning",
    create: "accept",
    check({ hooks }, report) {
      if (!hooks?.prestart?.length) return;
      const hint = "use createRuntime, createContainer or startContainer";
      report("/hooks/prestart", "prestart hooks are deprecated", { hint });
    },
  },
  {
    id: "annotation-key-empty",
    on: ["annotations"],
    section: "config.md#annotations",
    severity: "error",
    create: "accept",
    check({ annotations }, report) {
      if (annotations && Object.hasOwn(annotations, "")) {
        report(`/annotations/${token("")}`, "an annotation has no name", {
          expected: "a name such as com.example.key",
        });
      }
    },
  },
];

/** The hint for what needs a namespace. */
export function addNamespace(type: string): { hint: string } {
  return { hint: `add {"type": "${type}"} to linux.namespaces` };
}
