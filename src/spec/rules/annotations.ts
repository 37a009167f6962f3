// Annotations that crun acts upon (run.oci.*), as far as tsrun cannot do what they ask for; to runc they are texts.
import { quote, type Report, type Rule, token } from "./rule.ts";

const section = "config.md#annotations";

/** What becomes of crun's annotations here. Others of its prefix mean nothing to crun, nor to tsrun. */
export const crunAnnotations = {
  "run.oci.delegate-cgroup": "refused",
  "run.oci.handler": "warned of",
  "run.oci.hooks.stderr": "followed",
  "run.oci.hooks.stdout": "followed",
  "run.oci.keep_original_groups": "followed",
  "run.oci.mount_context_type": "followed",
  "run.oci.pidfd_receiver": "followed",
  "run.oci.seccomp.plugins": "refused",
  "run.oci.seccomp.receiver": "followed",
  "run.oci.seccomp_bpf_data": "followed",
  "run.oci.seccomp_fail_unknown_syscall": "followed",
  "run.oci.systemd.force_cgroup_v1": "refused",
  "run.oci.systemd.subgroup": "refused",
} as const;

const hints: Readonly<Record<string, string>> = {
  "run.oci.delegate-cgroup":
    "leave it out: with a cgroup namespace the container's cgroup is its own",
  "run.oci.seccomp.plugins": "use linux.seccomp.listenerPath with an agent that has the plugins",
  "run.oci.systemd.force_cgroup_v1": "tsrun knows cgroup v2 alone",
  "run.oci.systemd.subgroup":
    "leave it out, or empty: tsrun makes no cgroup below that of the container",
};

export const annotationRules: readonly Rule[] = [
  {
    id: "annotation-crun-unsupported",
    on: ["annotations"],
    section,
    severity: "error",
    create: "refuse",
    check({ annotations }, report) {
      for (const [name, value] of Object.entries(annotations ?? {})) {
        if (!name.startsWith("run.oci.")) continue;
        const fate = (crunAnnotations as Readonly<Record<string, string>>)[name];
        // An empty subgroup is crun's way to ask for what tsrun does anyway.
        if (fate !== "refused" || (name === "run.oci.systemd.subgroup" && value === "")) continue;
        report(pointerTo(name), `annotation ${quote(name)} is not supported`, {
          hint: hints[name],
        });
      }
    },
  },
  {
    id: "annotation-crun-value",
    on: ["annotations"],
    section,
    severity: "error",
    create: "refuse",
    check({ annotations }, report) {
      checkContextType(annotations?.["run.oci.mount_context_type"], report);
      checkAbsolute(annotations, report);
      const data = annotations?.["run.oci.seccomp_bpf_data"];
      if (data !== undefined && !isFilter(data)) {
        report(pointerTo("run.oci.seccomp_bpf_data"), "is no seccomp filter", {
          expected: "the base64 of instructions of 8 bytes each",
        });
      }
    },
  },
  {
    id: "annotation-crun-handler",
    on: ["annotations"],
    section,
    severity: "warning",
    create: "warn",
    check({ annotations }, report) {
      const handler = annotations?.["run.oci.handler"];
      if (handler === undefined) return;
      report(
        pointerTo("run.oci.handler"),
        `handler ${quote(handler)} is not supported: the container runs as any other`,
      );
    },
  },
];

const contextTypes = ["context", "fscontext", "defcontext", "rootcontext"];

function checkContextType(type: string | undefined, report: Report): void {
  if (type === undefined || contextTypes.includes(type)) return;
  report(pointerTo("run.oci.mount_context_type"), "invalid mount context type", {
    expected: contextTypes.join(", "),
    got: quote(type),
  });
}

function checkAbsolute(
  annotations: Readonly<Record<string, string | undefined>> | undefined,
  report: Report,
): void {
  for (const name of ["run.oci.seccomp.receiver", "run.oci.pidfd_receiver"]) {
    const path = annotations?.[name];
    if (path === undefined || path.startsWith("/")) continue;
    report(pointerTo(name), "must be an absolute path", {
      expected: "the path of a socket, from / on",
      got: quote(path),
    });
  }
}

function isFilter(base64: string): boolean {
  const text = base64.trim();
  if (text === "" || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return false;
  const { length } = Buffer.from(text, "base64");
  return length > 0 && length % 8 === 0;
}

function pointerTo(name: string): string {
  return `/annotations/${token(name)}`;
}
