declare const __TSRUN_VERSION__: string;
declare const __TSRUN_COMMIT__: string;

/** The version of the runtime-spec that tsrun implements; `ociVersion` of every state it prints. */
export const specVersion = "1.3.0";

/** tsrun's own version; the build puts it in. */
export const version: string =
  typeof __TSRUN_VERSION__ === "string" ? __TSRUN_VERSION__ : "0.0.0-source";

/** The commit it was built from, if the build knew it. */
export const commit: string | undefined =
  typeof __TSRUN_COMMIT__ === "string" && __TSRUN_COMMIT__ !== "" ? __TSRUN_COMMIT__ : undefined;
