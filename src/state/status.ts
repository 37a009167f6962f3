/** The statuses of the runtime-spec, and `paused` as runc has it. */
export type Status = "creating" | "created" | "running" | "paused" | "stopped";

/** All that the status of a container depends on. */
export type StatusFacts = {
  readonly made: boolean;
  readonly frozen: boolean;
  readonly initAlive: boolean;
  readonly fifoExists: boolean;
};

/** Derives the status; a frozen container is paused whatever else it is. */
export function deriveStatus(facts: StatusFacts): Status {
  if (!facts.made) return "creating";
  if (facts.frozen) return "paused";
  if (!facts.initAlive) return "stopped";
  return facts.fifoExists ? "created" : "running";
}
