import { TsrunError } from "../errors.ts";

/** Containers are Linux's; what only reads and plans works elsewhere as well. */
export function requireLinux(): void {
  if (process.platform === "linux") return;
  throw new TsrunError("HOST", `containers need Linux, this is ${process.platform}`, {
    hint: "parseSpec, validate, plan and explain work here; whatever runs a container does not",
  });
}
