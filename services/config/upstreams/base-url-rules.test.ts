import { expect, test } from "vitest";
import { baseUrlViolations } from "./base-url-rules.ts";

const isRefused = (url: string, allowPrivateUpstreams: boolean) =>
  baseUrlViolations(url, "f", { allowPrivateUpstreams }).length > 0;

test.each([
  "http://127.0.0.1:8000/v1",
  "http://localhost/v1",
  "http://LOCALHOST./v1",
  "http://vllm.localhost",
  "http://0x7f.1/v1",
  "http://2130706433",
  "http://10.1.2.3",
  "http://172.16.0.1",
  "http://192.168.1.1",
  "https://169.254.169.254/latest",
  "http://168.63.129.16",
  "http://100.64.0.1",
  "http://0.0.0.0",
  "http://[::1]:8000/v1",
  "http://[::ffff:10.0.0.1]",
  "http://[fe80::1]",
  "http://[fd00:ec2::254]",
])("%s is refused unless private upstreams are allowed", (url) => {
  expect(isRefused(url, false)).toBe(true);
  expect(isRefused(url, true)).toBe(false);
});

test.each(["https://api.openai.com/v1", "http://1.1.1.1", "https://[2606:4700:4700::1111]/v1", "http://vllm.internal"])(
  "%s is accepted everywhere",
  (url) => {
    expect(isRefused(url, false)).toBe(false);
  },
);

test.each([
  "nowhere",
  "ftp://host/v1",
  "https://user:password@host",
  "https://host/#part",
  `https://host/${"x".repeat(2048)}`,
])("%s is refused everywhere", (url) => {
  expect(isRefused(url, true)).toBe(true);
});
