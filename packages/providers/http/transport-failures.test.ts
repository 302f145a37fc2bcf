import { describe, expect, test } from "vitest";
import { toTransportFailure } from "./transport-failures.ts";

const withCode = (code: string) => Object.assign(new Error(code), { code });

describe("toTransportFailure", () => {
  test.each([
    ["ECONNREFUSED", "refused"],
    ["EHOSTUNREACH", "refused"],
    ["ENETUNREACH", "refused"],
    ["ETIMEDOUT", "connect_timeout"],
    ["UND_ERR_CONNECT_TIMEOUT", "connect_timeout"],
    ["ENOTFOUND", "dns"],
    ["EAI_AGAIN", "dns"],
    ["EPROTO", "tls"],
    ["CERT_HAS_EXPIRED", "tls"],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "tls"],
    ["SELF_SIGNED_CERT_IN_CHAIN", "tls"],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "tls"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "tls"],
    ["ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", "tls"],
    ["ECONNRESET", "reset"],
    ["EPIPE", "reset"],
    ["UND_ERR_SOCKET", "reset"],
    ["HPE_INVALID_EOF_STATE", "reset"],
    ["UND_ERR_RES_CONTENT_LENGTH_MISMATCH", "reset"],
    ["HPE_INVALID_CONSTANT", "other"],
    ["UND_ERR_INVALID_ARG", "unsendable"],
    ["", "other"],
  ])("%s is %s", (code, failure) => {
    expect(toTransportFailure(withCode(code), false)).toBe(failure);
  });

  test("a time-out of the kernel after the connection was made is a reset", () => {
    expect(toTransportFailure(withCode("ETIMEDOUT"), true)).toBe("reset");
  });

  test("of several addresses that failed the first one counts", () => {
    const all = new AggregateError([withCode("ECONNREFUSED"), withCode("EHOSTUNREACH")]);
    expect(toTransportFailure(all, false)).toBe("refused");
    expect(toTransportFailure(undefined, false)).toBe("other");
  });
});
