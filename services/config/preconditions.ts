import { invalidFields } from "#rpc";
import { alreadyExistsError, etagMismatchError, notFoundError, type ResourceReference } from "./config-errors.ts";

/** Throws NOT_FOUND unless the thing is there. */
export function requireFound<Thing>(found: Thing | undefined, resource: ResourceReference): Thing {
  if (found === undefined) {
    throw notFoundError(resource);
  }
  return found;
}

/** Throws ALREADY_EXISTS if the name belongs to another thing. */
export function requireFree(taken: object | undefined, resource: ResourceReference): void {
  if (taken !== undefined) {
    throw alreadyExistsError(resource);
  }
}

/** Throws ETAG_MISMATCH if the caller gave a tag and it is not that of the present state. */
export function requireEtag(given: string | undefined, present: string | undefined, resource: ResourceReference): void {
  if (given !== undefined && given !== "" && given !== present) {
    throw etagMismatchError(resource);
  }
}

/** Exactly one of id and name; throws INVALID_ARGUMENT that names both fields otherwise. */
export function requireOne(
  id: { readonly field: string; readonly value: string },
  name: { readonly field: string; readonly value: string },
): void {
  if ((id.value === "") === (name.value === "")) {
    const description = `exactly one of ${id.field} and ${name.field} must be set`;
    throw invalidFields([
      { field: id.field, description },
      { field: name.field, description },
    ]);
  }
}
