import { googleRpc } from "#contracts";
import { RpcError } from "#rpc";
import type { ApplyScope } from "./apply-scope.ts";
import { type Noun, nouns, resourceTypes, type StoredConfig } from "./stored-config.ts";

/** One thing that stands in the way of an apply. */
interface Obstacle {
  readonly reason: string;
  /** The field of the document, or the kind and name of the stored thing, that it is about. */
  readonly subject: string;
  readonly description: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Throws FAILED_PRECONDITION with every name of the document that another source owns, if there is one. */
export function refuseOwnedByOthers({ document, stored, source }: ApplyScope): void {
  refuseObstacles(
    nouns.flatMap((noun) =>
      document[noun].flatMap(({ name }, index) => {
        const owner = stored[noun].get(name)?.source ?? source;
        if (owner === source) {
          return [];
        }
        const field = `${noun}[${index}].name`;
        return [
          {
            reason: "OWNED_BY_ANOTHER_SOURCE",
            subject: field,
            description: `the ${resourceTypes[noun]} ${JSON.stringify(name)} belongs to ${owner}, not to ${source}`,
            metadata: { field, resource_name: name, source: owner },
          },
        ];
      }),
    ),
  );
}

/** Throws FAILED_PRECONDITION with everything that prune would delete and that things of other sources use. */
export function refuseDeletingWhatIsUsed(scope: ApplyScope): void {
  refuseObstacles(
    nouns.flatMap((noun) =>
      [...scope.gone[noun]].flatMap((name) => {
        const users = findUsers(scope, noun, name);
        if (users.length === 0) {
          return [];
        }
        const kind = resourceTypes[noun];
        const usedBy = users.join(", ");
        return [
          {
            reason: "RESOURCE_IN_USE",
            subject: `${kind} ${name}`,
            description: `the ${kind} ${JSON.stringify(name)} is not in the document and cannot be deleted: used by ${usedBy}`,
            metadata: { resource_type: kind, resource_name: name, used_by: usedBy },
          },
        ];
      }),
    ),
  );
}

/** Throws FAILED_PRECONDITION, reason RESOURCE_ALREADY_EXISTS, that names one thing of what is stored, if there is any. */
export function refuseUnlessEmpty(stored: StoredConfig): void {
  refuseObstacles(
    nouns.flatMap((noun) =>
      [...stored[noun].keys()].slice(0, 1).map((name) => ({
        reason: "RESOURCE_ALREADY_EXISTS",
        subject: `${resourceTypes[noun]} ${name}`,
        description: `the database already holds configuration, e.g. the ${resourceTypes[noun]} ${JSON.stringify(name)}`,
        metadata: { resource_type: resourceTypes[noun], resource_name: name },
      })),
    ),
  );
}

/** Those that use a thing and stay as they are. What the document names is checked by its references. */
function findUsers(scope: ApplyScope, noun: Noun, name: string): string[] {
  const staying = <Kind extends Noun>(kind: Kind) => {
    const named = new Set(scope.document[kind].map((entry) => entry.name));
    const things = [...scope.stored[kind]] as [string, { value: unknown }][];
    return things.filter(([thing]) => !named.has(thing) && !scope.gone[kind].has(thing)).map(([thing]) => thing);
  };
  const { models, endpoints, keys } = scope.stored;
  switch (noun) {
    case "secrets":
      return staying("models")
        .filter((model) => models.get(model)?.value.secretName === name)
        .map((model) => `model ${model}`);
    case "models":
      return staying("endpoints")
        .filter((endpoint) =>
          endpoints.get(endpoint)?.value.modelMappings.some(({ modelDefinition }) => modelDefinition?.name === name),
        )
        .map((endpoint) => `endpoint ${endpoint}`);
    case "endpoints":
      return staying("keys")
        .filter((key) => keys.get(key)?.value.endpoints.includes(name))
        .map((key) => `key ${key}`);
    default:
      return [];
  }
}

function refuseObstacles(obstacles: readonly Obstacle[]): void {
  const [first] = obstacles;
  if (first === undefined) {
    return;
  }
  const violations = obstacles.map(({ reason, subject, description }) => ({ type: reason, subject, description }));
  throw new RpcError({
    code: "FAILED_PRECONDITION",
    reason: first.reason,
    message: obstacles
      .map(({ subject, description, metadata }) =>
        subject === metadata.field ? `${subject}: ${description}` : description,
      )
      .join("; "),
    metadata: first.metadata,
    details: [
      {
        type: "google.rpc.PreconditionFailure",
        value: googleRpc.PreconditionFailure.encode({ violations }).finish(),
      },
    ],
  });
}
