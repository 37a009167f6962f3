import type { Flag } from "../command.ts";

/** What `checkpoint` and `restore` tell CRIU, both of them. */
export const criuFlags = [
  {
    name: "image-path",
    kind: "string",
    value: "DIR",
    description: "directory of the saved files (default: ./checkpoint)",
  },
  {
    name: "work-path",
    kind: "string",
    value: "DIR",
    description: "directory for logs and other files of the work (default: that of --image-path)",
  },
  { name: "tcp-established", kind: "bool", description: "allow open TCP connections" },
  { name: "ext-unix-sk", kind: "bool", description: "allow connections to unix sockets outside" },
  { name: "shell-job", kind: "bool", description: "allow jobs of a shell outside" },
  { name: "file-locks", kind: "bool", description: "save and restore file locks" },
  {
    name: "lazy-pages",
    kind: "bool",
    description: "transfer memory while the restored container runs (userfaultfd)",
  },
  {
    name: "manage-cgroups-mode",
    kind: "string",
    value: "MODE",
    description: "what becomes of cgroups: soft, full, strict or ignore (default: soft)",
  },
  {
    name: "network-lock",
    kind: "string",
    value: "METHOD",
    description: "how connections are held meanwhile: iptables, nftables or skip (default: CRIU's)",
  },
  {
    name: "empty-ns",
    kind: "list",
    value: "NAMESPACE",
    description: "make the namespace without its contents; network, which always is",
  },
  { name: "auto-dedup", kind: "bool", description: "keep each page of memory once" },
] as const satisfies readonly Flag[];
