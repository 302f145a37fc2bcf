import { createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { portSetting } from "../settings/setting.ts";
import { explainListenError } from "./explain-listen-error.ts";

const table = {
  httpPort: portSetting({ variable: "SPILLWAY_HTTP_PORT", description: "HTTP", absent: 8080 }),
  grpcPort: portSetting({ variable: "SPILLWAY_GRPC_PORT", description: "gRPC", absent: 8081 }),
};

function listen(port: number, host = "127.0.0.1") {
  const server = createServer();
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.once("error", reject);
  server.listen(port, host, () => resolve((server.address() as { port: number }).port));
  return { server, promise };
}

describe("an address that cannot be listened on", () => {
  it("is told with the variable of its port when it is taken", async () => {
    const first = listen(0);
    const port = await first.promise;
    const error = await listen(port).promise.catch((thrown: unknown) => thrown);
    first.server.close();
    expect(explainListenError(error, table, { httpPort: 1, grpcPort: port })).toBe(
      `Cannot listen on 127.0.0.1:${port} (SPILLWAY_GRPC_PORT): another process listens there already: stop it, or choose ` +
        "another port",
    );
  });

  it("is told when this machine does not have it", async () => {
    const error = await listen(0, "203.0.113.7").promise.catch((thrown: unknown) => thrown);
    expect(explainListenError(error, table, {})).toContain("SPILLWAY_HOST");
  });

  it("is found within the words of the gRPC library", () => {
    const text =
      "cannot listen on 127.0.0.1:81: No address added out of total 1 resolved errors: [listen EACCES: permission denied 127.0.0.1:81]";
    expect(explainListenError(new Error(text), table, {})).toContain(
      "Cannot listen on 127.0.0.1:81: this user may not",
    );
  });

  it("is no other error", () => {
    expect(explainListenError(new Error("connect ECONNREFUSED 127.0.0.1:1"), table, {})).toBeUndefined();
    expect(explainListenError("listen", table, {})).toBeUndefined();
  });
});
