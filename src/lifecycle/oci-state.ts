import type { State } from "../state/state.ts";
import type { Status } from "../state/status.ts";
import { specVersion } from "../version.ts";

/** The state of the runtime-spec, as hooks and the seccomp agent get it; keys in runc's order. */
export type OciState = {
  readonly ociVersion: string;
  readonly id: string;
  readonly status: Status;
  readonly pid?: number;
  readonly bundle: string;
  readonly annotations?: Readonly<Record<string, string>>;
};

/** The spec's view of a container; a stopped one has no pid. */
export function ociStateOf(state: State, status: Status, pid: number): OciState {
  const annotations = state.annotations && Object.keys(state.annotations).length > 0;
  return {
    ociVersion: specVersion,
    id: state.id,
    status,
    ...(pid > 0 ? { pid } : {}),
    bundle: state.bundle,
    ...(annotations ? { annotations: state.annotations } : {}),
  };
}
