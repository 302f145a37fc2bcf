import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { expect, test } from "vitest";
import { configV1 } from "#contracts";
import { messageOf } from "../../../test/harness/test-config-service.ts";

/** Field numbers, names and types of MLflow's gateway messages, `number name type`. A capital type is a message. */
const mlflowMessages: Readonly<Record<string, string>> = {
  GatewayEndpoint: `1 endpointId string; 2 name string; 3 createdAt int64; 4 lastUpdatedAt int64;
    5 modelMappings GatewayEndpointModelMapping; 6 createdBy string; 7 lastUpdatedBy string; 8 tags GatewayEndpointTag;
    9 routingStrategy enum; 10 fallbackConfig FallbackConfig; 11 experimentId string; 12 usageTracking bool`,
  GatewayEndpointModelMapping: `1 mappingId string; 2 endpointId string; 3 modelDefinitionId string;
    4 modelDefinition GatewayModelDefinition; 5 weight float; 6 createdAt int64; 7 createdBy string; 8 linkageType enum;
    9 fallbackOrder int32`,
  GatewayModelDefinition: `1 modelDefinitionId string; 2 name string; 3 secretId string; 4 secretName string;
    5 provider string; 6 modelName string; 7 createdAt int64; 8 lastUpdatedAt int64; 9 createdBy string;
    10 lastUpdatedBy string`,
  GatewayEndpointTag: "1 key string; 2 value string",
  FallbackConfig: "1 strategy enum; 2 maxAttempts int32",
};

interface MlflowField {
  readonly name: string;
  readonly type: string;
}

const fieldsOf = (message: string): ReadonlyMap<number, MlflowField> =>
  new Map(
    (mlflowMessages[message] ?? "").split(";").map((line) => {
      const [number = "", name = "", type = ""] = line.trim().split(" ");
      return [Number(number), { name, type }];
    }),
  );

const wireTypes: Readonly<Record<string, WireType>> = {
  float: WireType.Bit32,
  int64: WireType.Varint,
  int32: WireType.Varint,
  enum: WireType.Varint,
  bool: WireType.Varint,
};

const readers: Readonly<Record<string, (reader: BinaryReader) => unknown>> = {
  string: (reader) => reader.string(),
  float: (reader) => reader.float(),
  int64: (reader) => BigInt(reader.int64()),
  int32: (reader) => reader.int32(),
  enum: (reader) => reader.int32(),
  bool: (reader) => reader.bool(),
};

/** Reads bytes as MLflow's generated classes would: by its field numbers alone, skipping ours from 100 on. */
function readAsMlflow(message: string, bytes: Uint8Array): Record<string, unknown> {
  const fields = fieldsOf(message);
  const reader = new BinaryReader(bytes);
  const found: Record<string, unknown> = {};
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    const field = fields.get(number);
    if (field === undefined) {
      expect(number).toBeGreaterThanOrEqual(100);
      reader.skip(wireType);
      continue;
    }
    expect(wireType).toBe(wireTypes[field.type] ?? WireType.LengthDelimited);
    const read = readers[field.type];
    const value = read === undefined ? readAsMlflow(field.type, reader.bytes()) : read(reader);
    const isList = field.name === "tags" || field.name === "modelMappings";
    found[field.name] = isList ? [...((found[field.name] as unknown[]) ?? []), value] : value;
  }
  return found;
}

const writers: Readonly<Record<string, (writer: BinaryWriter, value: never) => BinaryWriter>> = {
  string: (writer, value) => writer.string(value),
  float: (writer, value) => writer.float(value),
  int64: (writer, value) => writer.int64(value),
  int32: (writer, value) => writer.int32(value),
  enum: (writer, value) => writer.int32(value),
  bool: (writer, value) => writer.bool(value),
};

/** Writes bytes as MLflow's generated classes would: every field that is there, by its field numbers. */
function writeAsMlflow(message: string, from: Record<string, unknown>): Uint8Array {
  const writer = new BinaryWriter();
  for (const [number, { name, type }] of fieldsOf(message)) {
    const value = from[name];
    for (const one of value === undefined ? [] : Array.isArray(value) ? value : [value]) {
      const write = writers[type];
      writer.tag(number, wireTypes[type] ?? WireType.LengthDelimited);
      if (write === undefined) {
        writer.bytes(writeAsMlflow(type, one));
      } else {
        write(writer, one as never);
      }
    }
  }
  return writer.finish();
}

/** The part of our message that MLflow knows, without what is unset. */
function mlflowPart(message: string, from: object): Record<string, unknown> {
  const part: Record<string, unknown> = {};
  for (const { name, type } of fieldsOf(message).values()) {
    const value: unknown = from[name as keyof typeof from];
    if (Array.isArray(value)) {
      if (value.length > 0) {
        part[name] = value.map((one: object) => mlflowPart(type, one));
      }
    } else if (value !== undefined) {
      part[name] = type in mlflowMessages ? mlflowPart(type, value as object) : value;
    }
  }
  return part;
}

const optional = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined });
const text = optional(fc.string());
const time = optional(fc.bigInt({ min: 0n, max: 2n ** 62n }));
const policy = optional(fc.constant(messageOf(configV1.Policy, { maxTotalAttempts: 3, redraw: true })));

const modelDefinition = fc.record({
  modelDefinitionId: text,
  name: text,
  secretId: text,
  secretName: text,
  provider: text,
  modelName: text,
  createdAt: time,
  lastUpdatedAt: time,
  createdBy: text,
  lastUpdatedBy: text,
  baseUrl: text,
  contextWindow: time,
  policy,
});
const mapping = fc.record({
  mappingId: text,
  endpointId: text,
  modelDefinitionId: text,
  modelDefinition: optional(modelDefinition),
  weight: optional(fc.float({ noNaN: true })),
  createdAt: time,
  createdBy: text,
  linkageType: optional(fc.constantFrom(0, 1, 2)),
  fallbackOrder: optional(fc.integer()),
  policy,
});
const endpoint = fc.record({
  endpointId: text,
  name: text,
  createdAt: time,
  lastUpdatedAt: time,
  modelMappings: fc.array(mapping, { maxLength: 3 }),
  createdBy: text,
  lastUpdatedBy: text,
  tags: fc.array(fc.record({ key: text, value: text }), { maxLength: 3 }),
  routingStrategy: optional(fc.constantFrom(0, 1)),
  fallbackConfig: optional(
    fc.record({ strategy: optional(fc.constantFrom(0, 1)), maxAttempts: optional(fc.integer()) }),
  ),
  experimentId: text,
  usageTracking: optional(fc.boolean()),
  policy,
  rules: fc.constant([{ name: "r", when: "true", use: ["a"] }]),
  stickyKey: text,
  etag: text,
  revision: time,
});

test("bytes of an endpoint mean the same to MLflow's classes, ours skipped", () => {
  fc.assert(
    fc.property(endpoint, (parts) => {
      const message = configV1.GatewayEndpoint.fromPartial(parts as object);
      const bytes = configV1.GatewayEndpoint.encode(message).finish();
      expect(readAsMlflow("GatewayEndpoint", bytes)).toEqual(mlflowPart("GatewayEndpoint", message));
    }),
    { numRuns: 300 },
  );
});

test("bytes that MLflow's classes write mean the same to us, and what they do not know stays unset", () => {
  fc.assert(
    fc.property(endpoint, (parts) => {
      const known = mlflowPart("GatewayEndpoint", configV1.GatewayEndpoint.fromPartial(parts as object));
      const decoded = configV1.GatewayEndpoint.decode(writeAsMlflow("GatewayEndpoint", known));
      expect(mlflowPart("GatewayEndpoint", decoded)).toEqual(known);
      expect(decoded).toMatchObject({ policy: undefined, rules: [], stickyKey: undefined, revision: undefined });
    }),
    { numRuns: 300 },
  );
});
