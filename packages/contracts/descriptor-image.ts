import { readFileSync } from "node:fs";

/**
 * Reads the serialized `google.protobuf.FileDescriptorSet` of every proto file of this project and all that they import.
 * Reflection answers from it, and JSON is checked against it.
 */
export function readDescriptorImage(): Uint8Array {
  return readFileSync(new URL("./gen/image.binpb", import.meta.url));
}
