/** What gateways in between write before the vendor's own words, in lower case. */
const wrappers: readonly RegExp[] = [
  /^(?:error code: )?\d{3}(?::| -) /,
  /^(?:[\w.-]{1,40} )?[\w.]{0,60}(?:error|exception)(?: \w{1,40})?(?::| -) /,
  /^\/[\w/-]{1,64}: /,
  // The beginning of a JSON body, or of one as Python prints it, up to its message.
  /^b?["']?\{\s*(?:["'][\w.-]{1,64}["']: ?(?:["'][\w.:/ -]{0,80}["']|\d{1,6}|null|none|true|false),\s*)*["'](?:message|error|detail)["']: ?b?["']?\s*/,
];

const maxWrappers = 8;

/**
 * A vendor's own words in lower case and with plain quotes, without what gateways in between wrote before them: of
 * `litellm.BadRequestError: DeepseekException - {"error":{"message":"Model Not Exist"…` it begins with `model not exist`.
 */
export function toBareMessage(message: string): string {
  let bare = message.toLowerCase().replace(/[‘’]/g, "'").replace(/[“”]/g, '"').trim();
  for (let count = 0; count < maxWrappers; count += 1) {
    const wrapper = wrappers.find((pattern) => pattern.test(bare));
    if (wrapper === undefined) {
      break;
    }
    bare = bare.replace(wrapper, "");
  }
  return bare;
}

/**
 * A bare message without what it may quote of the caller's request: texts in quotes, rejected input, and the caller's own
 * names of fields. A quote that is not closed, since the message was cut, goes on to the end.
 */
export function withoutEchoes(bareMessage: string): string {
  return bareMessage
    .replace(/(?:\binput_value=|["']input["']: ).*$/s, "")
    .replace(/(?:^|; )body\.[^:]*/g, "")
    .replace(/(?<!\w)(["'`]).*?(?:\1(?!\w)|$)/gs, "");
}
