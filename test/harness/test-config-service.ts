import { configV1, googleRpc } from "#contracts";
import { createInProcessClient, RpcError, type Service } from "#rpc";
import { KeyEncryptionKey } from "#secrets";
import { type ConfigServiceOptions, type OpenConfigService, openConfigService } from "#services/config";
import { openTestDatabase } from "./test-database.ts";

/** A config service on a database of its own. */
export interface TestConfigService {
  readonly databaseUrl: string;
  readonly service: OpenConfigService;
  /** Calls the service in this process. */
  readonly client: Service<configV1.ConfigServiceDefinition>;
  /** Everything that the service logged, as text. */
  readonly logged: string[];
  /** A further service on the same database, as another process would be. */
  openAnother(options?: Partial<ConfigServiceOptions>): Promise<OpenConfigService>;
  close(): Promise<void>;
}

/** The key that every such service seals with. */
export const testKeyEncryptionKey = new KeyEncryptionKey(Buffer.alloc(32, 7));

/** Opens a config service on an empty database and waits until it is ready. */
export async function openTestConfigService(options: Partial<ConfigServiceOptions> = {}): Promise<TestConfigService> {
  const database = await openTestDatabase();
  const logged: string[] = [];
  const log = (fields: object, message: string) => logged.push(`${message} ${describeFields(fields)}`);
  const opened: OpenConfigService[] = [];
  const open = async (further: Partial<ConfigServiceOptions> = {}) => {
    const service = openConfigService({
      databaseUrl: database.databaseUrl,
      keyEncryptionKey: testKeyEncryptionKey,
      logger: { debug: log, info: log, warn: log, error: log },
      allowPrivateUpstreams: true,
      ...options,
      ...further,
    });
    opened.push(service);
    await service.whenReady();
    return service;
  };
  const service = await open();
  return {
    databaseUrl: database.databaseUrl,
    service,
    client: createInProcessClient(configV1.ConfigServiceDefinition, service.implementation),
    logged,
    openAnother: open,
    close: async () => {
      await Promise.all(opened.map((one) => one.close()));
      await database.close();
    },
  };
}

function describeFields(fields: object): string {
  return JSON.stringify(fields, (_, value: unknown) =>
    value instanceof Error ? `${value.message} ${value.stack}` : typeof value === "bigint" ? String(value) : value,
  );
}

/** The `RpcError` that a call fails with; throws if it succeeds. */
export async function failureOf(call: Promise<unknown>): Promise<RpcError> {
  const thrown = await call.then(
    (answer) => new Error(`the call succeeded: ${answer}`),
    (error: unknown) => error,
  );
  if (thrown instanceof RpcError) {
    return thrown;
  }
  throw thrown;
}

/** The fields that a call is refused for, with their descriptions. */
export async function violationsOf(call: Promise<unknown>): Promise<Record<string, string>> {
  const error = await failureOf(call);
  const request = error.detail("google.rpc.BadRequest", googleRpc.BadRequest);
  if (error.code !== "INVALID_ARGUMENT" || error.reason !== "INVALID_FIELD" || request === undefined) {
    throw error;
  }
  return Object.fromEntries(request.fieldViolations.map(({ field, description }) => [field, description]));
}

/** A message of which only some parts are written down. */
export type PartsOf<Message> = Message extends bigint | Uint8Array | string | number | boolean | undefined
  ? Message
  : Message extends readonly (infer Entry)[]
    ? PartsOf<Entry>[]
    : { [Key in keyof Message]?: PartsOf<Message[Key]> | undefined };

/** The whole message: what is not written down has its default. */
export function messageOf<Message>(
  codec: { fromPartial(object: never): Message },
  parts: PartsOf<NoInfer<Message>>,
): Message {
  return codec.fromPartial(parts as never);
}
