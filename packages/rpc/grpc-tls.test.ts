import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { expect, test } from "vitest";
import { inferenceV1 } from "#contracts";
import { createGrpcChannel, createGrpcClient, type GrpcClientTls, type Service, startGrpcServer } from "#rpc";

const definition = inferenceV1.InferenceServiceDefinition;
const implementation = {
  listModels: async () => ({ models: [{ name: "chat", createdAt: 1n, description: "" }], revision: 7n }),
  invoke: async () => ({ body: Buffer.alloc(0), contentType: "", trail: undefined }),
  async *streamInvoke() {},
  chatCompletion: async () => inferenceV1.ChatCompletionResponse.create(),
  async *streamChatCompletion() {},
} satisfies Service<typeof definition>;

interface Identity {
  readonly key: Buffer;
  readonly cert: Buffer;
  readonly privateKey: KeyObject;
}

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const length = content.length < 128 ? [content.length] : [0x82, content.length >> 8, content.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}

function objectIdentifier(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, "hex"));
}

function extension(identifier: string, value: Buffer): Buffer {
  return der(0x30, objectIdentifier(identifier), der(0x04, value));
}

/** A certificate for localhost, signed by an authority, or by itself. */
function createIdentity(name: string, issuer?: { readonly name: string; readonly identity: Identity }): Identity {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const toName = (text: string) =>
    der(0x30, der(0x31, der(0x30, objectIdentifier("550403"), der(0x0c, Buffer.from(text)))));
  const algorithm = der(0x30, objectIdentifier("2a8648ce3d040302"));
  const isAuthority = issuer === undefined;
  const extensions = [
    extension("551d13", der(0x30, ...(isAuthority ? [der(0x01, Buffer.from([0xff]))] : []))),
    extension("551d11", der(0x30, der(0x82, Buffer.from("localhost")))),
  ];
  const body = der(
    0x30,
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([isAuthority ? 1 : 2])),
    algorithm,
    toName(issuer?.name ?? name),
    der(0x30, der(0x17, Buffer.from("200101000000Z")), der(0x17, Buffer.from("490101000000Z"))),
    toName(name),
    publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, der(0x30, ...extensions)),
  );
  const signature = sign("sha256", body, issuer?.identity.privateKey ?? privateKey);
  const encoded = der(0x30, body, algorithm, der(0x03, Buffer.from([0]), signature)).toString("base64");
  return {
    key: Buffer.from(privateKey.export({ type: "pkcs8", format: "pem" }) as string),
    cert: Buffer.from(`-----BEGIN CERTIFICATE-----\n${encoded}\n-----END CERTIFICATE-----\n`),
    privateKey,
  };
}

const authority = createIdentity("authority");
const issuer = { name: "authority", identity: authority };
const server = createIdentity("server", issuer);
const client = createIdentity("client", issuer);
const stranger = createIdentity("stranger");

async function listOver(tls: GrpcClientTls | undefined): Promise<unknown> {
  const grpcServer = await startGrpcServer({
    host: "127.0.0.1",
    port: 0,
    services: [{ definition, implementation }],
    tls: { key: server.key, cert: server.cert, ca: authority.cert },
  });
  const channel = createGrpcChannel({
    address: `localhost:${grpcServer.port}`,
    connectTimeoutMs: 2000,
    ...(tls === undefined ? {} : { tls }),
  });
  try {
    return await createGrpcClient(definition, channel).listModels({});
  } catch (error) {
    return error;
  } finally {
    channel.close();
    await grpcServer.drain(0);
  }
}

test("a client with a certificate of the authority is served", async () => {
  const answer = await listOver({ ca: authority.cert, key: client.key, cert: client.cert });
  expect(answer).toMatchObject({ models: [{ name: "chat" }] });
});

test.each([
  ["without a certificate", { ca: authority.cert }],
  ["with a stranger's certificate", { ca: authority.cert, key: stranger.key, cert: stranger.cert }],
  ["that trusts another authority", { ca: stranger.cert, key: client.key, cert: client.cert }],
  ["without TLS", undefined],
])("a client %s is not served", async (_name, tls) => {
  expect(await listOver(tls)).toMatchObject({ code: "UNAVAILABLE", reason: "UNAVAILABLE" });
});
