import {
  ArgumentError,
  Dalle2Error,
  DeviceLostError,
  ERROR_CODES,
  GpuOutOfMemoryError,
  GpuUnavailableError,
  NotFiniteError,
  QuotaError,
  TransientError,
  type ErrorCode,
} from "dalle2-webgpu";
import { describe, expect, it } from "vitest";
import { failureOf } from "../../../web/src/engine/failure.js";

/** What only programmers can do. */
const OF_PROGRAMMERS = /\b(batchSize|clearCache|npm|npx|the File|options?|operation|[Pp]ass)\b|--\w|docs\//;

/** Codes of the command and its servers. What a server answers to the app has codes of its own. */
const OF_THE_COMMAND = /^(?:cli|queue|server)\//;

describe("a failure", () => {
  it.each((Object.keys(ERROR_CODES) as ErrorCode[]).filter((code) => !OF_THE_COMMAND.test(code)))(
    "of code %s has a title, a message and advice for people",
    (code) => {
      const failure = failureOf(new Dalle2Error("It failed.", { code }), { isOnline: true });
      expect(failure.title).not.toBe("Something went wrong");
      expect(failure.message).toBe("It failed.");
      expect(failure.advice).toMatch(/^[A-Z].*\.$/);
      expect(failure.advice).not.toMatch(OF_PROGRAMMERS);
    },
  );

  it("says what to do apart from what was wrong", () => {
    const error = new TransientError("https://a.org/x.pth", "the server is busy", {
      advice: "check the connection and try again later",
    });
    expect(failureOf(error, { isOnline: true })).toEqual({
      code: "file/transient",
      title: "The model could not be downloaded",
      message: "https://a.org/x.pth: the server is busy.",
      advice: "Check the connection and try again. What has arrived is kept.",
      remedy: "retry",
    });
    expect(failureOf(error, { isOnline: false }).title).toBe("There is no connection");
    expect(failureOf(new ArgumentError("seed", "The seed is wrong."), { isOnline: false }).title).toBe(
      "A value does not fit",
    );
  });

  it("is said in sentences", () => {
    const error = new Dalle2Error("a.pth: a text file", { code: "format/invalid" });
    expect(failureOf(error).message).toBe("a.pth: a text file.");
    expect(failureOf(new Dalle2Error("Is it one?", { code: "format/invalid" })).message).toBe("Is it one?");
  });

  it("has the remedy that helps", () => {
    expect(failureOf(new GpuOutOfMemoryError("no memory")).remedy).toBe("retry");
    const overflow = (dtype: "f16" | "f32") =>
      NotFiniteError.at({ component: "the prior", dtype, what: "an embedding" });
    expect(failureOf(overflow("f16")).remedy).toBe("retry-in-f32");
    expect(failureOf(overflow("f32")).remedy).toBe("choose-model");
    expect(failureOf(new DeviceLostError("unknown", "")).remedy).toBe("reopen-device");
    const noF16 = new GpuUnavailableError("A GPU has no shader-f16", { advice: 'use dtype "f32"' });
    expect(failureOf(noF16)).toMatchObject({ title: "This GPU has no f16", remedy: "retry-in-f32" });
  });

  it("says how many bytes are missing", () => {
    const failure = failureOf(new QuotaError("model.pth", 5e9, 2e9));
    expect(failure).toMatchObject({ remedy: "free-storage", neededBytes: 3e9 });
  });

  it("may be anything that was thrown", () => {
    expect(failureOf("no")).toMatchObject({ title: "Something went wrong", message: "no", remedy: "retry" });
    expect(failureOf(new TypeError("x is not a function")).message).toBe("x is not a function");
  });
});
