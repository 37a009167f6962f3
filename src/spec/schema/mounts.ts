import type { IdMapping, Mount } from "../types.ts";
import { type Field, list, object } from "./blocks.ts";
import { text, texts, uint32 } from "./leaves.ts";

/** config-linux.md, User namespace mappings; those of mounts are the same. */
export const idMappings: Field<IdMapping[]> = list(
  object<IdMapping>({ containerID: uint32, hostID: uint32, size: uint32 }, [
    "containerID",
    "hostID",
    "size",
  ]),
);

/** config.md, Mounts */
export const mounts: Field<Mount[]> = list(
  object<Mount>(
    {
      destination: text,
      type: text,
      source: text,
      options: texts,
      uidMappings: idMappings,
      gidMappings: idMappings,
    },
    ["destination"],
  ),
);
