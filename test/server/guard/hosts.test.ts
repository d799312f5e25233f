import { describe, expect, it } from "vitest";
import { hostTest, isLoopback, originTest } from "../../../src/server/guard/hosts.js";

it.each([
  ["localhost", true],
  ["127.0.0.1", true],
  ["127.1.2.3", true],
  ["::1", true],
  ["[::1]", true],
  ["0.0.0.0", false],
  ["::", false],
  ["192.168.0.5", false],
  ["127.0.0.1.example.com", false],
  ["localhost.example.com", false],
])("whether %s is loopback: %s", (host, is) => {
  expect(isLoopback(host)).toBe(is);
});

describe("the Host header", () => {
  it.each([
    ["127.0.0.1", "127.0.0.1:8000", true],
    ["127.0.0.1", "localhost:8000", true],
    ["127.0.0.1", "LOCALHOST", true],
    ["127.0.0.1", "[::1]:8000", true],
    // A name of a stranger that leads here.
    ["127.0.0.1", "evil.example:8000", false],
    ["127.0.0.1", "192.168.0.5:8000", false],
    ["127.0.0.1", "", false],
    ["127.0.0.1", "localhost:8000, evil.example", false],
    ["127.0.0.1", "localhost@evil.example", false],
    ["127.0.0.1", "localhost.", false],
    ["192.168.0.5", "192.168.0.5", true],
    ["0.0.0.0", "192.168.0.5:8000", true],
    ["::", "[2001:db8::1]:8000", true],
    ["0.0.0.0", "evil.example", false],
    ["0.0.0.0", "images.example.com", true],
    ["127.0.0.1", "images.example.com:443", true],
  ])("at %s may be %j: %s", (boundHost, host, is) => {
    expect(hostTest({ boundHost, allowedHosts: ["Images.example.com"] })(host)).toBe(is);
  });
});

describe("the Origin header", () => {
  it.each([
    ["http://localhost:8000", "localhost:8000", "same"],
    // Behind a TLS proxy.
    ["https://images.example.com", "images.example.com", "same"],
    ["https://images.example.com", "images.example.com:443", "same"],
    ["http://localhost:8001", "localhost:8000", "foreign"],
    ["http://localhost", "localhost:8000", "foreign"],
    ["https://app.example.com", "localhost:8000", "allowed"],
    ["https://APP.example.com", "localhost:8000", "allowed"],
    ["http://app.example.com", "localhost:8000", "foreign"],
    ["https://app.example.com.evil.example", "localhost:8000", "foreign"],
    ["null", "null", "foreign"],
    ["chrome-extension://localhost", "localhost", "foreign"],
    ["", "localhost", "foreign"],
  ])("%j at %j is %s", (origin, host, kind) => {
    expect(originTest(["https://app.example.com/"])(origin, host)).toBe(kind);
  });

  it("may be any if all are allowed", () => {
    expect(originTest(["*"])("https://evil.example", "localhost")).toBe("allowed");
  });
});
