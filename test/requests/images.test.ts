import { describe, expect, it } from "vitest";
import { makeImage } from "../../src/image/image.js";
import {
  inputsOfImage,
  requestSize,
  parametersOfImage,
  promptOfImage,
  seedOfImage,
} from "../../src/requests/images.js";
import { inputsOf } from "../../src/requests/run.js";
import type { ImageRequest, RequestParameters, Task } from "../../src/requests/request.js";

const parameters: RequestParameters = { task: "create", prompts: ["a", "b"], count: 2, seed: 7, prior: {}, unets: [] };
const image = { width: 1, height: 1, channels: 3, data: new Uint8Array(3) } as const;

function request(task: Task, others: Partial<RequestParameters> = {}, images = 1): ImageRequest {
  return { parameters: { ...parameters, task, ...others }, images: new Array(images).fill(image) as never };
}

describe("the images of a request", () => {
  it("are as many as the task says", () => {
    expect(requestSize(request("create"))).toBe(4);
    expect(requestSize(request("create", { prompts: [] }))).toBe(2);
    expect(requestSize(request("inpaint"))).toBe(4);
    expect(requestSize(request("variations", {}, 3))).toBe(6);
    expect(requestSize(request("upscale"))).toBe(2);
    expect(requestSize(request("interpolate"))).toBe(8);
    expect(requestSize(request("edit"))).toBe(1);
    expect(requestSize(request("edit", { frames: 3 }))).toBe(3);
  });

  it("have seeds that follow each other, from the largest on from 0", () => {
    expect(inputsOf(request("create")).map(({ seed }) => seed)).toEqual([7, 8, 9, 10]);
    expect(seedOfImage(Number.MAX_SAFE_INTEGER - 1, 1)).toBe(Number.MAX_SAFE_INTEGER);
    expect(seedOfImage(Number.MAX_SAFE_INTEGER - 1, 2)).toBe(0);
    expect(seedOfImage(Number.MAX_SAFE_INTEGER, 3)).toBe(2);
  });

  it("can be generated again alone, but not those of a series", () => {
    expect(parametersOfImage(parameters, 2)).toEqual({ ...parameters, prompts: ["b"], count: 1, seed: 9 });
    expect(promptOfImage(parameters, 1)).toBe("a");
    const { parameters: variations } = request("variations", { prompts: ["a"] });
    expect(parametersOfImage(variations, 3)).toEqual({ ...variations, count: 1, seed: 10 });
    const { parameters: series } = request("interpolate");
    expect(parametersOfImage(series, 3)).toEqual(series);
    expect(promptOfImage(series, 3)).toBe("a → b");
  });

  it("say what they were generated from", () => {
    const named = { imageNames: ["x.png", "y.png"] };
    expect(inputsOfImage(request("create"), 3)).toEqual({ prompt: "b" });
    expect(inputsOfImage({ ...request("inpaint"), ...named }, 0)).toEqual({
      image: "x.png",
      mask: "mask",
      prompt: "a",
    });
    expect(inputsOfImage({ ...request("variations", { prompts: [] }, 2), ...named }, 2)).toEqual({ image: "y.png" });
    expect(inputsOfImage(request("interpolate"), 0)).toEqual({ start: "a", end: "b", frame: 1 });
    const ofImages = request("interpolate", { isBetweenImages: true }, 2);
    expect(inputsOfImage({ ...ofImages, ...named }, 1)).toEqual({
      start: "x.png",
      end: "y.png",
      frame: 2,
    });
    expect(inputsOfImage(request("edit"), 0)).toEqual({ image: "image", from: "a", to: "b" });
    expect(inputsOfImage(request("edit", { frames: 2 }), 1)).toMatchObject({ frame: 2 });
    const hint = makeImage(1, 1, 3, new Uint8Array(3));
    expect(inputsOfImage({ ...request("create"), hint, hintName: "depth.png" }, 0)).toEqual({
      prompt: "a",
      hint: "depth.png",
    });
    expect(inputsOfImage({ ...request("create"), hint }, 0)).toEqual({ prompt: "a", hint: "hint" });
  });
});
