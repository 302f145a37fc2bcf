/** What is told to whoever started it. */
export interface WelcomeFacts {
  /** Addresses, `host:port`. */
  readonly http: string;
  readonly grpc: string;
  readonly configGrpc: string;
  /** Where the configuration is kept. */
  readonly databasePlace: string;
  /** Where spans are sent; undefined when they are not. */
  readonly exportUrl: string | undefined;
  /** Whether callers need no key while none exist. */
  readonly isOpen: boolean;
  /** An endpoint to try; undefined when there is none. */
  readonly endpoint: string | undefined;
  /** Whether that endpoint is the demo's. */
  readonly isDemo: boolean;
}

/** The text for people when everything runs: what runs where, who may call, and two lines to try. */
export function formatWelcome(facts: WelcomeFacts): string {
  const { http, grpc, configGrpc, databasePlace, exportUrl, isOpen } = facts;
  const rows = [
    ["HTTP API", `http://${http}/v1`],
    ["gRPC", `${grpc} (inference, routing) and ${configGrpc} (config)`],
    ["Database", databasePlace],
    ["Traces", exportUrl ?? "not exported; set OTEL_EXPORTER_OTLP_ENDPOINT"],
    ["Access", isOpen ? "open to whoever reaches these ports: there are no API keys" : "by API keys"],
  ] as const;
  const lines = rows.map(([what, where]) => `  ${what.padEnd(9)} ${where}`);
  return `\nSpillway is ready.\n\n${lines.join("\n")}\n${formatTrial(facts)}\n`;
}

function formatTrial({ http, endpoint, isDemo, isOpen }: WelcomeFacts): string {
  if (endpoint === undefined) return "\nNo endpoint exists yet: npm start -- --config spillway.yaml makes some.\n";
  const about = isDemo
    ? "The endpoint `demo` has a primary that always fails and a fallback that answers. Try:"
    : `Try the endpoint \`${endpoint}\`:`;
  const key = isOpen ? "" : ` -H "authorization: Bearer $SPILLWAY_API_KEY"`;
  const curl = (flag: string, stream: string) =>
    `  curl ${flag} http://${http}/v1/chat/completions -H 'content-type: application/json'${key} ` +
    `-d '{"model":"${endpoint}",${stream}"messages":[{"role":"user","content":"Does it come back?"}]}'`;
  return `\n${about}\n\n${curl("-i", "")}\n\n${curl("-N", '"stream":true,')}\n`;
}
