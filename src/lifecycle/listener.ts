import { closeSync } from "node:fs";

import type { State } from "../state/state.ts";
import type { Status } from "../state/status.ts";
import { dial, handOver } from "../stdio/sockets.ts";
import { ociStateOf } from "./oci-state.ts";

/** Sends a seccomp notify descriptor to the agent that listens for it, with the state of the spec's protocol. */
export function passListener(
  fd: number,
  process: { readonly state: State; readonly status: Status; readonly pid: number },
): void {
  const { state, status, pid } = process;
  const { path, metadata } = state.listener ?? { path: "", metadata: "" };
  const oci = ociStateOf(state, status, pid);
  const payload = {
    ociVersion: oci.ociVersion,
    fds: ["seccompFd"],
    pid,
    ...(metadata ? { metadata } : {}),
    state: oci,
  };
  try {
    const agent = dial(path, "failed to connect with seccomp agent", "/linux/seccomp/listenerPath");
    handOver(agent, JSON.stringify(payload), fd);
  } finally {
    closeSync(fd);
  }
}
