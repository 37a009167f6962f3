import { TsrunError } from "../errors.ts";

/** Refuses a container id that could not be the name of a directory, or that engines would not accept. */
export function checkContainerId(id: string): void {
  if (id === "") throw new TsrunError("CONTAINER_ID", "container id cannot be empty");
  if (!/^[\w+.-]+$/.test(id) || id === "." || id === "..") {
    throw new TsrunError("CONTAINER_ID", "invalid container ID format", {
      hint: `${JSON.stringify(id)} may consist of letters, digits, "_", "+", "-" and "." only`,
    });
  }
  if (id.length > 255) {
    throw new TsrunError("CONTAINER_ID", "invalid container ID format", {
      hint: "an id is a directory's name and has at most 255 characters",
    });
  }
}
