/** The version of the runtime-spec that tsrun implements; `ociVersion` of every state it prints. */
export const specVersion = "1.3.0";
