// Mutated requests, slow and broken clients, against a server in a process of its own. `npm run stress -- fuzz` sends more.
import { beforeAll, describe, expect, it } from "vitest";
import type { Delivery } from "./fuzz/delivery.js";
import { judge } from "./fuzz/judge.js";
import { runFuzz, type FuzzResult } from "./fuzz/run.js";
import { HELD_GROWTH } from "./load.js";

describe("1500 mutated requests", () => {
  let result: FuzzResult;
  beforeAll(async () => {
    result = await runFuzz({ requests: 1500, seed: 1 });
  });

  it("are all answered with an image or a plain error, and take nothing from the server that they do not give back", () => {
    expect(result.findings).toEqual([]);
    expect(result.sent).toBe(1500);
    expect(result.reports.at(-1)).toMatchObject({ waitingJobs: 0, runningJobs: 0 });
  });

  it("are answered in many ways", () => {
    for (const outcome of ["200", "400", "401", "403", "404", "405", "408", "413", "415"])
      expect(result.outcomes.get(outcome), outcome).toBeGreaterThan(0);
  });

  it("leave the memory as it was", () => {
    const [first, last] = [result.reports[0]!, result.reports.at(-1)!];
    expect(last.heldBytes - first.heldBytes).toBeLessThan(HELD_GROWTH);
  });
});

describe("an answer is judged", () => {
  const request = Buffer.from("POST /v1/images/generations HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const id = `x-request-id: req_${"0".repeat(32)}\r\n`;
  const answer = (status: number, body: string, headers = id): string =>
    `HTTP/1.1 ${status} X\r\n${headers}content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  const error = (message: string): string =>
    JSON.stringify({ error: { message, type: "invalid_request_error", param: null, code: "x" } });
  const judged = (text: string, others: Partial<Delivery> = {}) =>
    judge(request, { manner: "whole", isBroken: false, isHanging: false, text, ...others });

  it.each([
    ["an image", answer(200, '{"data":[{}]}')],
    ["an error", answer(400, error("It is wrong."))],
    ["two answers", answer(400, error("One.")) + answer(400, error("Two."))],
    ["a refusal with a time", answer(503, error("Full."), `${id}retry-after: 2\r\n`)],
  ])("good: %s", (_, text) => {
    expect(judged(text).fault).toBeUndefined();
  });

  it.each([
    ["no answer", ""],
    ["no HTTP", "hello"],
    ["a part of an answer", answer(400, error("It is wrong.")).slice(0, -5)],
    ["an answer without id", answer(400, error("It is wrong."), "")],
    ["a failure of the server", answer(500, error("It failed."))],
    ["a refusal without a time", answer(503, error("Full."))],
    ["an error of another shape", answer(400, "{}")],
    ["an error that is no JSON", answer(400, "<html>")],
    ["a path", answer(400, error("There is no /home/me/model.json."))],
    ["a stack", answer(400, error("TypeError: x\n    at run (a.js:1:2)"))],
    ["a control character", answer(400, error("\u001b[31m"))],
    ["no images", answer(200, '{"data":[]}')],
  ])("bad: %s", (_, text) => {
    expect(judged(text).fault).toBeDefined();
  });

  it("bad: a connection that does not end", () => {
    expect(judged(answer(200, "{}"), { isHanging: true }).fault).toBeDefined();
  });
});
