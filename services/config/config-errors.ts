import { googleRpc } from "#contracts";
import { RpcError } from "#rpc";
import type { ResourceType } from "./store/index.ts";
import { shorten } from "./violations.ts";

/** A thing of the configuration as errors name it. */
export interface ResourceReference {
  readonly resourceType: ResourceType | "mapping";
  /** Its name, or its id where only that is known. */
  readonly resourceName: string;
}

/** NOT_FOUND; `field` is the path of the field that named the thing, where it was one among others. */
export function notFoundError(resource: ResourceReference, field?: string): RpcError {
  return new RpcError({
    code: "NOT_FOUND",
    reason: "RESOURCE_NOT_FOUND",
    message: `${field === undefined ? "" : `${field}: `}no ${resource.resourceType} is ${JSON.stringify(shorten(resource.resourceName))}`,
    metadata: { ...toMetadata(resource), ...(field === undefined ? {} : { field }) },
    details: [resourceInfo(resource, "does not exist")],
  });
}

/** ALREADY_EXISTS for a name that another thing has. */
export function alreadyExistsError(resource: ResourceReference): RpcError {
  return new RpcError({
    code: "ALREADY_EXISTS",
    reason: "RESOURCE_ALREADY_EXISTS",
    message: `${resource.resourceType} ${JSON.stringify(shorten(resource.resourceName))} already exists`,
    metadata: toMetadata(resource),
    details: [resourceInfo(resource, "already exists")],
  });
}

/** FAILED_PRECONDITION that names the users, e.g. `model gpt-4o`; `advice` says what to do first. */
export function inUseError(resource: ResourceReference, users: readonly string[], advice: string): RpcError {
  // The names travel in a header too, which has little room.
  const shown = users.slice(0, mostUsersShown);
  const rest = users.length - shown.length;
  const usedBy = `${shown.join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
  return new RpcError({
    code: "FAILED_PRECONDITION",
    reason: "RESOURCE_IN_USE",
    message: `${resource.resourceType} ${JSON.stringify(shorten(resource.resourceName))} is used by ${usedBy}; ${advice}`,
    metadata: { ...toMetadata(resource), used_by: usedBy },
    details: [
      {
        type: "google.rpc.PreconditionFailure",
        value: googleRpc.PreconditionFailure.encode({
          violations: shown.map((user) => ({
            type: "IN_USE",
            subject: `${resource.resourceType} ${resource.resourceName}`,
            description: `is used by ${user}`,
          })),
        }).finish(),
      },
    ],
  });
}

/** ABORTED: the caller wrote on top of a state that is no longer there. */
export function etagMismatchError(resource: ResourceReference): RpcError {
  return new RpcError({
    code: "ABORTED",
    reason: "ETAG_MISMATCH",
    message: `${resource.resourceType} ${JSON.stringify(shorten(resource.resourceName))} was changed in between; read it again`,
    metadata: toMetadata(resource),
  });
}

const mostUsersShown = 20;

function toMetadata(resource: ResourceReference): Record<string, string> {
  return { resource_type: resource.resourceType, resource_name: shorten(resource.resourceName) };
}

function resourceInfo(resource: ResourceReference, description: string) {
  return {
    type: "google.rpc.ResourceInfo",
    value: googleRpc.ResourceInfo.encode({
      resourceType: resource.resourceType,
      resourceName: shorten(resource.resourceName),
      owner: "",
      description,
    }).finish(),
  };
}
