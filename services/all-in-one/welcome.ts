import type { Access } from "./read-overview.ts";

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
  readonly access: Access;
  /** An endpoint to try; undefined when there is none. */
  readonly endpoint: string | undefined;
  /** Whether that endpoint is the demo's. */
  readonly isDemo: boolean;
}

/** The text for people when everything runs: what runs where, who may call, and two lines to try. */
export function formatWelcome(facts: WelcomeFacts): string {
  const { http, grpc, configGrpc, databasePlace, exportUrl, access } = facts;
  const rows = [
    ["HTTP API", `http://${http}/v1`],
    ["gRPC", `${grpc} (inference, routing) and ${configGrpc} (config)`],
    ["Database", databasePlace],
    ["Traces", exportUrl ?? "not exported; set OTEL_EXPORTER_OTLP_ENDPOINT"],
    ["Access", accessTexts[access]],
  ] as const;
  const lines = rows.map(([what, where]) => `  ${what.padEnd(9)} ${where}`);
  return `\nSpillway is ready.\n\n${lines.join("\n")}\n${formatTrial(facts)}\n`;
}

const accessTexts: Readonly<Record<Access, string>> = {
  open: "open to whoever reaches these ports: there are no API keys",
  "by keys": "by API keys",
  closed: "closed: there are no API keys, so every request is refused with 401",
};

const firstKey = `
Add a key to a file, spillway.yaml for one:

  version: 1
  keys:
    - { name: mine, value: "\${SPILLWAY_API_KEY}" }

and start with it:

  export SPILLWAY_API_KEY=$(openssl rand -hex 24)
  npm start -- --config spillway.yaml
`;

function formatTrial({ http, endpoint, isDemo, access }: WelcomeFacts): string {
  if (access === "closed") {
    return firstKey;
  }
  if (endpoint === undefined) {
    return "\nNo endpoint exists yet: npm start -- --config spillway.yaml makes some.\n";
  }
  const about = isDemo
    ? "The endpoint `demo` has a primary that always fails and a fallback that answers. Try:"
    : `Try the endpoint \`${endpoint}\`:`;
  const key = access === "open" ? "" : ` -H "authorization: Bearer $SPILLWAY_API_KEY"`;
  const curl = (flag: string, stream: string) =>
    `  curl ${flag} http://${http}/v1/chat/completions -H 'content-type: application/json'${key} ` +
    `-d '{"model":"${endpoint}",${stream}"messages":[{"role":"user","content":"Does it come back?"}]}'`;
  return `\n${about}\n\n${curl("-i", "")}\n\n${curl("-N", '"stream":true,')}\n`;
}
