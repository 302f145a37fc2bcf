import type { configV1 } from "#contracts";

/**
 * Where a field of a message stands in a document: `endpoints[0].model_mappings[2].policy.timeouts.connect_ms` is
 * `endpoints[0].fallback[0].policy.timeouts.connect` if the endpoint has two PRIMARY entries.
 */
export function toDocumentPath(field: string, document: configV1.ConfigDocument): string {
  return renames.reduce((path, [pattern, name]) => path.replace(pattern, name), toEndpointPath(field, document));
}

/** Fields that a document calls otherwise, by how their paths look. */
const renames: readonly (readonly [RegExp, string])[] = [
  [/_ms$/, ""],
  [/(\.(?:fallback_on|retry_on))\.(?:add|remove)\[\d+\]$/, "$1"],
  [/\.model_definition_id$/, ".model"],
  [/^(models\[\d+\])\.model_name$/, "$1.model"],
  [/^(models\[\d+\])\.secret_id$/, "$1.secret"],
  [/^(secrets\[\d+\])\.secret_name$/, "$1.name"],
  [/^(keys\[\d+\])\.key_hash$/, "$1.value"],
];

function toEndpointPath(field: string, document: configV1.ConfigDocument): string {
  const parts = /^endpoints\[(?<entry>\d+)\]\.(?<list>model_mappings|tags)(?:\[(?<index>\d+)\])?(?<rest>.*)$/.exec(
    field,
  );
  const entry = document.endpoints[Number(parts?.groups?.entry)];
  if (parts?.groups === undefined || entry === undefined) {
    return field;
  }
  const { list, index, rest } = parts.groups;
  const endpoint = `endpoints[${parts.groups.entry}]`;
  if (list === "tags") {
    return index === undefined ? `${endpoint}.tags` : `${endpoint}.tags.${Object.keys(entry.tags)[Number(index)]}`;
  }
  if (index === undefined) {
    return `${endpoint}.primary`;
  }
  const behind = Number(index) - entry.primary.length;
  return behind < 0 ? `${endpoint}.primary[${index}]${rest}` : `${endpoint}.fallback[${behind}]${rest}`;
}
