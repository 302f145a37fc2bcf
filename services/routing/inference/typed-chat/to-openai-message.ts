import { enumName, inferenceV1 } from "#contracts";
import { invalidFields } from "#rpc";

const { ChatRole } = inferenceV1;
const knownRoles: ReadonlySet<number> = new Set(Object.values(ChatRole).filter((role) => role > 0));

/** One message of an OpenAI chat body. Throws INVALID_ARGUMENT, naming the field, for what has no such form. */
export function toOpenAiMessage(message: inferenceV1.ChatMessage, index: number): Record<string, unknown> {
  const path = `messages[${index}]`;
  if (!knownRoles.has(message.role)) {
    throw invalidFields([{ field: `${path}.role`, description: "must be one of ChatRole's values, and set" }]);
  }
  return {
    role: enumName(ChatRole, message.role).toLowerCase(),
    content: toContent(message, path),
    name: message.name || undefined,
    tool_calls:
      message.toolCalls.length === 0
        ? undefined
        : message.toolCalls.map(({ id, name, arguments: text }) => ({
            id,
            type: "function",
            function: { name, arguments: text },
          })),
    tool_call_id: message.toolCallId || undefined,
  };
}

/** A single text as a string, which every server takes; anything else as parts. */
function toContent({ content, toolCalls }: inferenceV1.ChatMessage, path: string): unknown {
  const [first] = content;
  if (first === undefined) {
    return toolCalls.length > 0 ? null : "";
  }
  if (content.length === 1 && first.part?.$case === "text") {
    return first.part.value;
  }
  return content.map((part, index) => toPart(part, `${path}.content[${index}]`));
}

function toPart({ part }: inferenceV1.ContentPart, path: string): unknown {
  switch (part?.$case) {
    case "text":
      return { type: "text", text: part.value };
    case "image":
      return {
        type: "image_url",
        image_url: { url: toImageUrl(part.value, path), detail: part.value.detail || undefined },
      };
    case "audio":
      return {
        type: "input_audio",
        input_audio: { data: part.value.data.toString("base64"), format: part.value.format },
      };
    default:
      throw invalidFields([{ field: `${path}.part`, description: "must be set" }]);
  }
}

function toImageUrl({ source, mediaType }: inferenceV1.ImagePart, path: string): string {
  if (source === undefined) {
    throw invalidFields([{ field: `${path}.image.source`, description: "must be set" }]);
  }
  if (source.$case === "url") {
    return source.value;
  }
  if (mediaType === "") {
    throw invalidFields([{ field: `${path}.image.media_type`, description: "must be set where data is given" }]);
  }
  return `data:${mediaType};base64,${source.value.toString("base64")}`;
}
