import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/cli/errors.js";
import { ConfigError } from "../../src/config/config-error.js";
import { NotFiniteError } from "../../src/diffusion/sampling-error.js";
import { TransientError } from "../../src/files/http-error.js";
import { DeviceLostError, GpuValidationError } from "../../src/gpu/errors.js";
import { ShapeError } from "../../src/ops/shape-error.js";
import { ArgumentError, count } from "../../src/platform/arguments.js";
import { adviceBeside, Dalle2Error } from "../../src/platform/dalle2-error.js";
import { FileError } from "../../src/platform/errors.js";
import { registerSecret } from "../../src/platform/secrets.js";
import { WeightError } from "../../src/weights/weight-error.js";

/** What a worker or a server sends, and the error made from it. */
const sent = (error: Dalle2Error): unknown => JSON.parse(JSON.stringify(error));
const received = (error: Dalle2Error): Dalle2Error => Dalle2Error.fromJSON(sent(error));

describe("an error that is sent", () => {
  const cause = new TypeError("fetch failed", {
    cause: new FileError("model.pth", "is gone", { code: "file/not-found" }),
  });
  it.each([
    new WeightError("prior.pth", {
      missing: ["net.a"],
      unused: [],
      misshapen: [{ name: "b", got: [1], expected: [2] }],
    }),
    new TransientError("https://example.org/a", "the server failed", { retryAfter: 5, advice: "try again", cause }),
    NotFiniteError.at({ component: "U-Net 1", dtype: "f16", step: 2, steps: 4, what: "the prediction" }),
    new DeviceLostError("unknown", "driver reset"),
    new ShapeError("linear", "x", [1, 3], [1, 4]).locate({ module: "unets.0.mid" }),
    new ArgumentError("seed", "Give one of seed and seeds.", { code: "argument/conflict" }),
  ])("is the same afterwards: $name", (error) => {
    const copy = received(error);
    expect(copy).toBeInstanceOf(error.constructor);
    expect(sent(copy)).toEqual(sent(error));
    expect(Object.entries(copy).sort()).toEqual(Object.entries(error).sort());
    expect(String(copy)).toBe(String(error));
  });

  it("ends if its causes form a cycle", () => {
    const error = new ConfigError("no");
    error.cause = new FileError("model.pth", "is gone", { cause: error });
    expect(JSON.stringify(error).match(/is gone/g)).toHaveLength(4);
  });

  it("keeps the chain of its causes", () => {
    const copy = received(new ConfigError("no", { cause }));
    const outer = copy.cause as Error;
    expect([outer.name, outer.message]).toEqual(["TypeError", "fetch failed"]);
    expect(outer.cause).toBeInstanceOf(FileError);
    expect((outer.cause as FileError).code).toBe("file/not-found");
    expect((outer.cause as FileError).location).toBe("model.pth");
  });

  it("has its stack only on request", () => {
    const error = new UsageError("no");
    expect(sent(error)).not.toHaveProperty("stack");
    expect(Dalle2Error.fromJSON(error.toJSON({ stack: true })).stack).toBe(error.stack);
  });

  it("of another version is a plain one with the same code", () => {
    const copy = Dalle2Error.fromJSON({ ...new FileError("a", "b").toJSON(), code: "file/eaten" });
    expect(copy.constructor).toBe(Dalle2Error);
    expect([copy.name, copy.code, copy.message]).toEqual(["Dalle2Error", "file/eaten", "a: b"]);
  });

  it.each([
    undefined,
    null,
    "text",
    [],
    { message: 1, code: {}, place: "x", details: [], cause: { message: {} } },
    { name: "__proto__", code: "file/failed", message: "a", details: { message: "b", toJSON: 1, constructor: 2 } },
  ])("may be anything: %j", (json) => {
    const error = Dalle2Error.fromJSON(json);
    expect(error).toBeInstanceOf(Dalle2Error);
    expect(Dalle2Error.fromJSON(error.toJSON()).toJSON()).toEqual(error.toJSON());
    expect(Object.keys(error).filter((key) => key === "toJSON" || key === "constructor")).toEqual([]);
  });

  it("has no end of causes", () => {
    let json: unknown = "deep";
    for (let i = 0; i < 20_000; i++)
      json = { name: "FileError", code: "file/failed", advice: "", message: "a", cause: json };
    expect(Dalle2Error.fromJSON(json).message).toBe("a");
  });

  it("contains no secret from any source", () => {
    registerSecret("s3cr3t-value");
    const texts = { a: "s3cr3t-value", b: ["hf_AbCdEfGhIjKlMnOpQrStUvWxYz"] };
    const plain = {
      ...new FileError("a", "b").toJSON(),
      message: "s3cr3t-value",
      advice: "s3cr3t-value",
      details: texts,
    };
    const error = Dalle2Error.fromJSON({ ...plain, cause: { name: "E", message: "Bearer abcdefghijkl" } });
    for (const text of ["s3cr3t", "AbCdEf", "abcdefgh"])
      expect(JSON.stringify(error.toJSON({ stack: true }))).not.toContain(text);
  });
});

describe("the place of an error", () => {
  it("is added on its way up: the innermost module stays", () => {
    const error = new ShapeError("linear", "x", [3], [4])
      .locate({ module: "unets.0.mid" })
      .locate({ module: "unets.0", step: 2 });
    expect(error.place).toEqual({ operation: "linear", argument: "x", module: "unets.0.mid", step: 2 });
    expect(error.message).toBe("unets.0.mid: linear: x is [3]; expected [4].");
    expect(error.stack).toContain(error.message);
  });

  it("is read from the label of what WebGPU rejects", () => {
    const error = new GpuValidationError('[BindGroup "matmul Element=f16 @ unets.0.downs.1.block2"] is too small');
    expect(error.place).toEqual({ operation: "matmul", module: "unets.0.downs.1.block2" });
    expect(new GpuValidationError("no label").place).toEqual({});
  });
});

describe("advice", () => {
  it("of the place where it was thrown is in the message, and not repeated beside it", () => {
    const error = new FileError("a", "is a folder", { advice: "name a file in it" });
    expect([error.message, error.advice]).toEqual(["a: is a folder; name a file in it", "Name a file in it."]);
    expect(adviceBeside(error)).toBeUndefined();
    expect(new UsageError("No.", { advice: "do" }).message).toBe("No. Do.");
  });

  it("that a message has already is not said twice", () => {
    const inner = new FileError("a", "is a folder", { advice: "name a file in it" });
    const outer = new UsageError(inner.message, { cause: inner, advice: "name a file in it" });
    expect([outer.message, outer.advice]).toEqual([inner.message, inner.advice]);
  });

  it("of the table is separate from the message", () => {
    const error = new FileError("a", "could not be read");
    expect(error.message).toBe("a: could not be read");
    expect(adviceBeside(error)).toBe(error.advice);
  });
});

it("an argument's error names the option, what it was, and what is allowed", () => {
  const refuse = () => count("numSamplesPerBatch", 0);
  expect(refuse).toThrow("numSamplesPerBatch must be a whole number of at least 1, not 0.");
  expect(refuse).toThrow(
    expect.objectContaining({ code: "argument/invalid", place: { argument: "numSamplesPerBatch" } }),
  );
});
