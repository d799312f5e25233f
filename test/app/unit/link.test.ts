import { describe, expect, it } from "vitest";
import { formatLink, linkTo, parseLink } from "../../../web/src/forms/link.js";
import type { RequestParameters } from "dalle2-webgpu/requests";

const CREATE: RequestParameters = {
  task: "create",
  prompts: ["a red circle & a star", "50 % grey = #808080"],
  negative: "a square",
  count: 2,
  seed: 7,
  prior: { steps: 4, condScale: 1.5, sampler: "ddim", candidates: 2 },
  unets: [{}, { steps: 6, condScale: 0 }],
  sampler: "dpmpp2m",
};

/** Without what is undefined. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

describe("a link", () => {
  it.each<RequestParameters>([
    CREATE,
    { task: "edit", prompts: ["a", "b"], count: 1, seed: 0, prior: {}, unets: [], frames: 1, strength: 0.25 },
    {
      task: "variations",
      prompts: [],
      count: 1,
      seed: 3,
      prior: {},
      unets: [],
      size: { width: 768, height: 512 },
      noiseLevel: 20,
    },
    { task: "inpaint", prompts: ["a"], count: 1, seed: 1, prior: {}, unets: [], resampleTimes: 3 },
    {
      task: "upscale",
      prompts: [],
      count: 1,
      seed: 2 ** 53 - 1,
      prior: {},
      unets: [{ steps: 2 }],
      startAtUnetNumber: 3,
    },
    { task: "interpolate", prompts: [], count: 1, seed: 1, prior: {}, unets: [], frames: 5, isBetweenImages: true },
  ])("brings back the parameters of $task", (parameters) => {
    const content = parseLink(new URL(linkTo("https://example.org/app/?x=1#old", parameters, "shapes")).hash);
    expect(plain(content)).toEqual({ parameters, modelId: "shapes" });
  });

  it("can be read by people", () => {
    const parameters: RequestParameters = {
      task: "create",
      prompts: ["a red circle"],
      count: 1,
      seed: 7,
      prior: {},
      unets: [{ steps: 6 }],
    };
    expect(formatLink(parameters, "shapes")).toBe("task=create&prompt=a+red+circle&seed=7&unet1.steps=6&model=shapes");
  });

  it("without a known task is none", () => {
    for (const hash of ["", "#", "#section", "#task=draw&prompt=a", "#prompt=a"])
      expect(parseLink(hash)).toBeUndefined();
  });

  it("ignores what it does not know, and values out of range", () => {
    const content = parseLink(
      "#task=create&prompt=a&count=1e9&seed=-1&unet1.steps=0&unet2.steps=2.5&unet1.guidance=NaN&sampler=magic&prior.steps=x&evil=1&frames=",
    );
    expect(plain(content)).toEqual({ parameters: { task: "create", prompts: ["a"], count: 1, prior: {}, unets: [] } });
  });

  it("bounds texts, and makes no prompts of line breaks", () => {
    const content = parseLink(`#task=create&prompt=a%0Ab&prompt=${"x".repeat(5000)}${"&prompt=c".repeat(100)}`);
    const { prompts } = content!.parameters;
    expect(prompts[0]).toBe("a b");
    expect(prompts[1]).toHaveLength(2000);
    expect(prompts).toHaveLength(64);
  });
});
