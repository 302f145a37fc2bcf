import { configV1, enumName, type routingV1 } from "#contracts";
import { alignColumns } from "./align-columns.ts";

/** Writes a resolved chain as a table for people. */
export function formatExplanation(endpoint: string, response: routingV1.ResolveChainResponse): string {
  const rule = response.rule === "" ? "" : `, rule ${response.rule}`;
  const chain = response.chain.map((target, index) => [
    String(index + 1),
    target.target,
    roleOf(target),
    `${(target.probability * 100).toFixed(1)} %`,
    target.reason,
  ]);
  const skipped = response.skipped.map((target) => ["-", target.target, roleOf(target), "", target.reason]);
  const header = ["#", "TARGET", "ROLE", "DRAW", "WHY"];
  return [
    `${endpoint} at revision ${response.revision}${rule}`,
    "",
    ...alignColumns([header, ...chain, ...skipped]),
    ...response.notes.map((note) => `\nnote: ${note}`),
    "",
  ].join("\n");
}

/** Writes a resolved chain as JSON for programs; revisions are strings, as 64-bit integers are in protobuf's JSON. */
export function toExplanationJson(response: routingV1.ResolveChainResponse): string {
  const toPlain = (target: routingV1.ChainTarget) => ({
    mapping_id: target.mappingId,
    name: target.name,
    target: target.target,
    role: roleOf(target),
    probability: target.probability,
    reason: target.reason,
  });
  const explanation = {
    revision: String(response.revision),
    rule: response.rule,
    chain: response.chain.map(toPlain),
    skipped: response.skipped.map(toPlain),
    notes: response.notes,
  };
  return `${JSON.stringify(explanation, undefined, 2)}\n`;
}

function roleOf(target: routingV1.ChainTarget): string {
  return enumName(configV1.GatewayModelLinkageType, target.role).toLowerCase();
}
