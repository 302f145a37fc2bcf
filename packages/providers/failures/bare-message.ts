/** What gateways in between write before the vendor's own words, in lower case. */
const prefixes: readonly RegExp[] = [
  /^(?:error code: )?\d{3}(?::| -) /,
  // A validator's path begins with "body.", and its names are the caller's.
  /^(?!body\.)(?:[\w.-]{1,40} )?[\w.]{0,60}(?:error|exception)(?: \w{1,40})?(?::| -) /,
  /^\/[\w/-]{1,64}: /,
];

/** The beginning of a JSON body, or of one as Python prints it, up to its message. */
const bodyBeginning =
  /^b?["']?\{\s*(?:["'][\w.-]{1,64}["']: ?(?:["'][\w.:/ -]{0,80}["']|\d{1,6}|null|none|true|false),\s*)*["'](?:message|error|detail)["']: ?b?["']?\s*/;

const noFallback = String.raw`no fallback model group found for original model_group=[^{}]*fallbacks=\[(?:\{[^{}]*\}(?:, )?)*\]`;

/** What LiteLLM writes after such a body, if anything. Whatever else follows speaks of an object that the caller sent. */
const bodyEnd = new RegExp(String.raw`\}["']?\s*(?:${noFallback})?(?:\.?\s?received model group\b[^}]*)?$`);

/** Longer ones may have been cut, so that what follows the body is not known. */
const maxBodyLength = 2_048;

const maxWrappers = 8;

/**
 * A vendor's own words in lower case and with plain quotes, without what gateways in between wrote before them: of
 * `litellm.BadRequestError: DeepseekException - {"error":{"message":"Model Not Exist"…}}` it begins with `model not exist`.
 */
export function toBareMessage(message: string): string {
  let bare = message.toLowerCase().replace(/[‘’]/g, "'").replace(/[“”]/g, '"').trim();
  for (let count = 0; count < maxWrappers; count += 1) {
    const wrapper = prefixes.find((prefix) => prefix.test(bare)) ?? (isBody(bare) ? bodyBeginning : undefined);
    const inner = wrapper === undefined ? bare : bare.replace(wrapper, "");
    if (inner === bare) {
      break;
    }
    bare = inner;
  }
  return bare;
}

function isBody(text: string): boolean {
  return text.length <= maxBodyLength && bodyEnd.test(text);
}
