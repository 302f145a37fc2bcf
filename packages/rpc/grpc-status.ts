import { Metadata, type StatusObject } from "@grpc/grpc-js";
import type { RpcError } from "./rpc-error.ts";
import { encodeStatus, statusDetailsKey, toStatusNumber, toTrailerText } from "./status-details.ts";

/** The trailing metadata that carries an error whole. */
export function toStatusMetadata(error: RpcError): Metadata {
  const metadata = new Metadata();
  metadata.set(statusDetailsKey, encodeStatus(error));
  return metadata;
}

/** An error as grpc-js sends it. */
export function toGrpcStatus(error: RpcError): StatusObject {
  return {
    code: toStatusNumber(error.code),
    details: toTrailerText(error.message),
    metadata: toStatusMetadata(error),
  };
}
