import type { ServerDuplexStream } from "@grpc/grpc-js";
import { grpcStandard } from "#contracts";
import type { DescriptorIndex } from "./descriptor-index.ts";
import { type GrpcService, toBytesMethod } from "./grpc-handlers.ts";
import { toStatusNumber } from "./status-details.ts";

const { ServerReflectionDefinition, ServerReflectionRequest, ServerReflectionResponse } = grpcStandard.reflectionV1;
type ReflectionRequest = grpcStandard.reflectionV1.ServerReflectionRequest;
type ReflectionAnswer = grpcStandard.reflectionV1.ServerReflectionResponse["messageResponse"];

const reflectionNames = [
  ServerReflectionDefinition.fullName,
  grpcStandard.reflectionV1alpha.ServerReflectionDefinition.fullName,
] as const;

/** What reflection tells of a server. */
export interface ReflectedServer {
  /** Full names of the services besides reflection itself. */
  readonly serviceNames: readonly string[];
  /** Gives the descriptors; called when somebody first asks. */
  readonly describe: () => DescriptorIndex;
  /** Keeps the streams that are open, so that a drain can end them. */
  readonly openStreams: Set<ServerDuplexStream<Buffer, Buffer>>;
}

/** The reflection services v1 and v1alpha, whose messages are the same on the wire. */
export function toReflectionServices(server: ReflectedServer): GrpcService[] {
  const listed = [...server.serviceNames, ...reflectionNames].sort();
  return reflectionNames.map((name) => ({
    definition: {
      serverReflectionInfo: toBytesMethod(`/${name}/ServerReflectionInfo`, {
        requestStream: true,
        responseStream: true,
      }),
    },
    handlers: {
      serverReflectionInfo: (stream: ServerDuplexStream<Buffer, Buffer>) => {
        server.openStreams.add(stream);
        stream.on("close", () => server.openStreams.delete(stream));
        stream.on("data", (bytes: Buffer) => {
          if (!stream.write(answer(bytes, listed, server.describe))) {
            stream.pause();
          }
        });
        stream.on("drain", () => stream.resume());
        stream.on("end", () => stream.end());
      },
    },
  }));
}

function answer(bytes: Buffer, serviceNames: readonly string[], describe: () => DescriptorIndex): Buffer {
  const request = tryDecode(bytes);
  return Buffer.from(
    ServerReflectionResponse.encode({
      validHost: request?.host ?? "",
      originalRequest: request,
      messageResponse: toAnswer(request?.messageRequest, serviceNames, describe),
    }).finish(),
  );
}

function toAnswer(
  request: ReflectionRequest["messageRequest"],
  serviceNames: readonly string[],
  describe: () => DescriptorIndex,
): ReflectionAnswer {
  switch (request?.$case) {
    case "listServices":
      return { $case: "listServicesResponse", value: { service: serviceNames.map((name) => ({ name })) } };
    case "fileByFilename":
      return toFiles(describe().filesByName(request.value), request.value);
    case "fileContainingSymbol":
      return toFiles(describe().filesBySymbol(request.value), request.value);
    case "fileContainingExtension": {
      const { containingType, extensionNumber } = request.value;
      return toFiles(
        describe().filesByExtension(containingType, extensionNumber),
        `${containingType}/${extensionNumber}`,
      );
    }
    case "allExtensionNumbersOfType": {
      const extensionNumber = describe().extensionNumbers(request.value);
      if (extensionNumber === undefined) {
        return toError("NOT_FOUND", `${request.value} is not known`);
      }
      return {
        $case: "allExtensionNumbersResponse",
        value: { baseTypeName: request.value, extensionNumber: [...extensionNumber] },
      };
    }
    default:
      return toError("INVALID_ARGUMENT", "the request asks for nothing that is known here");
  }
}

function toFiles(files: Buffer[] | undefined, name: string): ReflectionAnswer {
  if (files === undefined) {
    return toError("NOT_FOUND", `${name} is not known`);
  }
  return { $case: "fileDescriptorResponse", value: { fileDescriptorProto: files } };
}

function toError(code: "NOT_FOUND" | "INVALID_ARGUMENT", errorMessage: string): ReflectionAnswer {
  return { $case: "errorResponse", value: { errorCode: toStatusNumber(code), errorMessage } };
}

function tryDecode(bytes: Buffer): ReflectionRequest | undefined {
  try {
    return ServerReflectionRequest.decode(bytes);
  } catch {
    return undefined;
  }
}
