const plain = (text: string) => text;
const colour = (code: number) => (text: string) => `\u001b[${code}m${text}\u001b[39m`;
const dim = (text: string) => `\u001b[2m${text}\u001b[22m`;

const colourOfLevel: Readonly<Record<string, (text: string) => string>> = {
  debug: dim,
  warn: colour(33),
  error: colour(31),
};

/** Turns one JSON line of the log into a short line for people; what is not JSON stays as it is. */
export function formatLine(json: string, colours: boolean): string {
  let entry: Record<string, unknown>;
  try {
    entry = JSON.parse(json);
  } catch {
    return json;
  }
  const { level, time, service: _service, message, ...fields } = entry;
  const paint = (colours && colourOfLevel[String(level)]) || plain;
  const faint = colours ? dim : plain;
  const details = Object.entries(fields).map(([name, value]) => `${name}=${formatValue(value)}`);
  const line = [faint(String(time).slice(11, 19)), paint(String(level).padEnd(5)), paint(String(message))];
  if (details.length > 0) {
    line.push(faint(details.join(" ")));
  }
  return `${line.join(" ")}\n`;
}

function formatValue(value: unknown): string {
  if (typeof value === "string") {
    return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
  }
  if (isErrorEntry(value)) {
    return JSON.stringify(value.message);
  }
  return JSON.stringify(value);
}

function isErrorEntry(value: unknown): value is { readonly message: string } {
  return typeof value === "object" && value !== null && "stack" in value && "message" in value;
}
