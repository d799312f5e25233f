import { flushSync } from "svelte";
import { describe, expect, it } from "vitest";
import type { AppState } from "../../../web/src/app-state.svelte.js";
import { Draft, isProblem, type DraftContext } from "../../../web/src/forms/draft.svelte.js";
import { restoreParameters, useImages } from "../../../web/src/forms/incoming.js";
import { SHAPES_FACTS, type ModelFacts } from "../../../web/src/forms/facts.js";
import { entryOf } from "../../../web/src/models/catalogue.js";
import { keepDraft } from "../../../web/src/forms/keep-draft.svelte.js";
import type { ImageRequest, Task } from "dalle2-webgpu/requests";

/** An engine whose images have a size and no colour. */
function engineOf(width: number, height: number): DraftContext["engine"] {
  return {
    decodeImage: () => Promise.resolve({ width, height, channels: 4, data: new Uint8Array(width * height * 4) }),
    resize: (_, newWidth, newHeight) =>
      Promise.resolve({
        width: newWidth,
        height: newHeight,
        channels: 3,
        data: new Uint8Array(newWidth * newHeight * 3),
      }),
  };
}

function draftOf(facts: ModelFacts | undefined = SHAPES_FACTS, engine = engineOf(64, 64)): Draft {
  return new Draft({ engine, facts: () => facts, modelId: () => "shapes" });
}

function requestOf(draft: Draft, task: Task): ImageRequest {
  const asked = draft.request(task);
  if (isProblem(asked)) throw new Error(asked.message);
  return asked;
}

function storageWith(items: Record<string, string> = {}): Pick<Storage, "getItem" | "setItem"> {
  return {
    getItem: (key) => items[key] ?? null,
    setItem: (key, value) => {
      items[key] = value;
    },
  };
}

const none = (count: number) => new Array<undefined>(count).fill(undefined);

const PNG = new Blob(["not read"], { type: "image/png" });

describe("a draft", () => {
  it("has a request from the first moment", () => {
    const { parameters, images } = requestOf(draftOf(), "create");
    expect(parameters).toMatchObject({ task: "create", count: 1, prior: {}, unets: [] });
    expect(parameters.prompts).toHaveLength(1);
    expect(images).toEqual([]);
  });

  it("takes a prompt for each line, without empty ones", () => {
    const draft = draftOf();
    draft.prompts = " a red circle \n\n a blue square";
    expect(requestOf(draft, "create").parameters.prompts).toEqual(["a red circle", "a blue square"]);
  });

  it("leaves out what is the model's default, and lists every U-Net once one differs", () => {
    const draft = draftOf();
    draft.setUnet(0, { steps: 24 });
    draft.setPrior({ steps: 16 });
    expect(draft.changes("create")).toBe(0);
    draft.setUnet(1, { condScale: 3 });
    draft.setPrior({ steps: 4 });
    draft.sampler = "ddim";
    expect(draft.changes("create")).toBe(3);
    expect(requestOf(draft, "create").parameters).toMatchObject({
      prior: { steps: 4 },
      unets: [{}, { condScale: 3 }],
      sampler: "ddim",
    });
    draft.resetSettings();
    expect(requestOf(draft, "create").parameters).toMatchObject({ prior: {}, unets: [] });
  });

  it("keeps the settings of each model apart", () => {
    let modelId = "shapes";
    const draft = new Draft({ engine: engineOf(1, 1), facts: () => SHAPES_FACTS, modelId: () => modelId });
    draft.setUnet(0, { steps: 5 });
    modelId = "karlo";
    expect(draft.unets).toEqual([]);
    modelId = "shapes";
    expect(draft.unets).toEqual([{ steps: 5 }]);
  });

  it.each([
    ["create", "prompts"],
    ["variations", "images"],
    ["inpaint", "images"],
    ["upscale", "images"],
    ["interpolate", "start"],
    ["edit", "images"],
  ] as const)("says what %s misses: %s", (task, field) => {
    const draft = draftOf();
    draft.prompts = "\n ";
    expect(draft.problem(task)).toMatchObject({ field, isMissing: true });
    expect(isProblem(draft.request(task))).toBe(true);
  });

  it("says that a negative prompt needs guidance", () => {
    const draft = draftOf();
    draft.negative = "a square";
    expect(requestOf(draft, "create").parameters.negative).toBe("a square");
    draft.setUnet(0, { condScale: 1 });
    expect(draft.problem("create")).toMatchObject({ field: "negative", isMissing: false });
    draft.setPrior({ condScale: 2 });
    expect(draft.problem("create")).toBeUndefined();
  });

  it("leaves a negative prompt out where nothing reads it", async () => {
    const draft = draftOf();
    draft.negative = "a square";
    await draft.addImage("upscale", PNG, "photo.png");
    expect(requestOf(draft, "upscale").parameters.negative).toBeUndefined();
  });

  it.each([
    ["create", { prior: undefined }, "no prior"],
    ["create", { readsText: false }, "no text encoder"],
    ["variations", { readsImages: false }, "no image encoder"],
    ["upscale", { unets: SHAPES_FACTS.unets.slice(0, 1) }, "one U-Net"],
  ] as const)("says why a model cannot do %s", (task, lack, reason) => {
    const problem = draftOf({ ...SHAPES_FACTS, ...lack }).problem(task);
    expect(problem?.field).toBe("model");
    expect(problem?.message).toContain(reason);
  });

  it("counts the settings of the task alone, and takes defaults in parameters for none", () => {
    const draft = draftOf();
    const unets = [{ steps: 5 }, {}];
    const shared = { prompts: ["a"], count: 1, seed: undefined, prior: { steps: 4 }, unets };
    draft.restore({ ...shared, task: "inpaint", resampleTimes: 5 });
    draft.restore({ ...shared, task: "upscale", startAtUnetNumber: 2 });
    expect([draft.changes("create"), draft.changes("inpaint"), draft.changes("upscale")]).toEqual([2, 2, 0]);
    draft.resampleTimes = 3;
    draft.startAtUnetNumber = 3;
    expect([draft.changes("create"), draft.changes("inpaint")]).toEqual([2, 3]);
    expect([draft.changes("variations"), draft.changes("upscale")]).toEqual([1, 1]);
  });

  it("asks for a caption only where the decoder takes text", async () => {
    const draft = draftOf();
    await draft.addImage("variations", PNG, "photo.png");
    expect(draft.problem("variations")?.field).toBe("variationsCaption");
    const free = draftOf({ ...SHAPES_FACTS, needsText: false });
    await free.addImage("variations", PNG, "photo.png");
    expect(requestOf(free, "variations").parameters.prompts).toEqual([]);
    free.variationsCaption = "a red circle";
    expect(requestOf(free, "variations").parameters.prompts).toEqual(["a red circle"]);
  });

  it.each(["variations", "upscale", "interpolate"] as const)(
    "sends no text that the form of %s hides",
    async (task) => {
      const unets = SHAPES_FACTS.unets.map((unet) => ({ ...unet, takesText: false }));
      const draft = draftOf({ ...SHAPES_FACTS, unets, needsText: false });
      Object.assign(draft, { variationsCaption: "a", upscaleCaption: "b", start: "c", end: "d", ends: "images" });
      await draft.addImage(task, PNG, "first.png");
      if (task === "interpolate") await draft.addImage(task, PNG, "second.png", 1);
      expect(requestOf(draft, task).parameters.prompts).toEqual([]);
    },
  );
});

/** A model of many sizes that takes noise and needs a hint. */
const MANY_SIZES: ModelFacts = {
  ...SHAPES_FACTS,
  unets: [{ ...SHAPES_FACTS.unets[1]!, imageSize: 512, sizeUnit: 64, noiseLevels: 1000, takesHint: true }],
};

describe("size, noise and hint of a draft", () => {
  const [size, noiseLevel] = [{ width: 700, height: 512 }, 20];

  it("are part of requests to models that take them, and of no others", async () => {
    const draft = draftOf(MANY_SIZES, engineOf(3000, 1500));
    Object.assign(draft, { size, noiseLevel });
    expect(draft.problem("create")).toMatchObject({ field: "hint", isMissing: true });
    await draft.setHint(PNG, "depth.png");
    expect(requestOf(draft, "create")).toMatchObject({
      parameters: { size, noiseLevel },
      hint: { width: 2048, height: 1024 },
      hintName: "depth.png",
    });
    expect(draft.changes("create")).toBe(2);
    const other = draftOf();
    Object.assign(other, { size, noiseLevel });
    await other.setHint(PNG, "depth.png");
    const { parameters, hint } = requestOf(other, "create");
    expect([parameters.size, parameters.noiseLevel, hint, other.changes("create")]).toEqual([...none(3), 0]);
    await draft.setHint(undefined);
    expect(draft.problem("create")?.field).toBe("hint");
  });

  it("leave inpainting its own size, which is that of the square of its image", async () => {
    const draft = draftOf(MANY_SIZES);
    Object.assign(draft, {
      size,
      noiseLevel,
      inpaintPrompts: "a",
      mask: { share: 0.5, values: () => new Uint8Array(4) },
    });
    await draft.addImage("inpaint", PNG, "photo.png");
    await draft.setHint(PNG);
    const { parameters, hint } = requestOf(draft, "inpaint");
    expect(parameters).toMatchObject({ noiseLevel });
    expect(parameters.size).toBeUndefined();
    expect(hint).toBeDefined();
  });

  it("are checked, and come back from parameters and from what was kept", () => {
    const draft = draftOf({ ...MANY_SIZES, unets: [{ ...MANY_SIZES.unets[0]!, takesHint: false }] });
    draft.size = { width: 5000, height: 512 };
    expect(draft.problem("create")).toMatchObject({ field: "size", isMissing: false });
    draft.size = undefined;
    draft.noiseLevel = 1000;
    expect(draft.problem("create")?.message).toBe("The noise must be a whole number from 0 to 999.");
    const shared = { task: "create", prompts: ["a"], count: 1, seed: 1, prior: {}, unets: [] } as const;
    draft.restore({ ...shared, size: 640, noiseLevel: 7 });
    expect([draft.size, draft.noiseLevel]).toEqual([{ width: 640, height: 640 }, 7]);
    draft.restore({ ...shared, noiseLevel: 0 });
    expect([draft.size, draft.noiseLevel]).toEqual(none(2));
    const items: Record<string, string> = {};
    const end = keepDraft(draft, storageWith(items));
    draft.restore({ ...shared, size, noiseLevel });
    flushSync();
    end();
    const again = draftOf(MANY_SIZES);
    keepDraft(again, storageWith(items))();
    expect([again.size, again.noiseLevel]).toEqual([size, noiseLevel]);
    draft.resetSettings();
    expect([draft.size, draft.noiseLevel]).toEqual(none(2));
  });

  it("need a hint before the model is open, if the catalogue says so", () => {
    const context = { engine: engineOf(1, 1), facts: () => undefined, modelId: () => "kandinsky-2.2-depth" };
    const takesHint = () => entryOf("kandinsky-2.2-depth")?.takesHint === true;
    expect(new Draft({ ...context, takesHint }).problem("create")?.field).toBe("hint");
  });

  it("say what is wrong with a hint", async () => {
    const engine = { ...engineOf(1, 1), decodeImage: () => Promise.reject(new Error("no image")) };
    const draft = draftOf(MANY_SIZES, engine);
    await draft.setHint(PNG, "x.png");
    expect([draft.hint, draft.hintFailure]).toEqual([undefined, expect.any(String)]);
  });

  it("are of no use to models that only inpaint: they say so", () => {
    const draft = draftOf({ ...MANY_SIZES, unets: [{ ...MANY_SIZES.unets[0]!, inpaintsOnly: true }] });
    expect(draft.problem("create")?.message).toMatch(/only fills parts/);
  });
});

describe("input images of a draft", () => {
  it("are the square in the middle, and no larger than models need", async () => {
    const draft = draftOf(SHAPES_FACTS, engineOf(3000, 2000));
    await draft.addImage("upscale", PNG, "photo.png");
    expect(draft.images.upscale).toMatchObject([
      { name: "photo.png", width: 3000, height: 2000, pixels: { width: 1024, height: 1024 } },
    ]);
  });

  it("are refused if they are too small to enlarge", async () => {
    const draft = draftOf(SHAPES_FACTS, engineOf(16, 16));
    await draft.addImage("upscale", PNG, "small.png");
    expect(draft.problem("upscale")).toMatchObject({ field: "images", isMissing: false });
  });

  it("keep the old one and say what was wrong, if a file cannot be read", async () => {
    const engine = engineOf(64, 64);
    const draft = draftOf(SHAPES_FACTS, engine);
    await draft.addImage("edit", PNG, "photo.png");
    engine.decodeImage = () => Promise.reject(new Error("It is no image."));
    expect(await draft.addImage("edit", PNG, "notes.txt")).toBe(false);
    expect(draft.imageFailures.edit).toBe("It is no image.");
    expect(draft.images.edit).toHaveLength(1);
    engine.decodeImage = engineOf(8, 8).decodeImage;
    await draft.addImage("edit", PNG, "photo.png");
    expect(draft.imageFailures.edit).toBeUndefined();
  });

  it("come from other images, with their prompt as caption", async () => {
    const draft = draftOf();
    await draft.useAsInput("variations", { file: PNG, prompt: "a red circle" });
    expect(requestOf(draft, "variations").parameters.prompts).toEqual(["a red circle"]);
  });

  it("have the caption of the image before no longer", async () => {
    const draft = draftOf();
    await draft.useAsInput("variations", { file: PNG, prompt: "a red circle" });
    await draft.useAsInput("variations", { file: PNG, prompt: "" });
    expect(draft.variationsCaption).toBe("");
    draft.upscaleCaption = "entered before the image";
    await draft.useAsInput("upscale", { file: PNG, prompt: undefined, name: "photo.png" });
    expect(draft.upscaleCaption).toBe("entered before the image");
    await draft.useAsInput("upscale", { file: PNG, prompt: undefined, name: "other.png" });
    expect(draft.upscaleCaption).toBe("");
  });

  it("move up with their text when the first end of an interpolation goes", async () => {
    const draft = draftOf();
    for (const prompt of ["a red circle", "a blue square"])
      await draft.useAsInput("interpolate", { file: PNG, prompt });
    draft.removeImage("interpolate", draft.images.interpolate[0]!.id);
    expect(draft).toMatchObject({ start: "a blue square", end: "" });
    expect(draft.images.interpolate).toMatchObject([{ name: "a blue square" }]);
  });

  it("replace both ends of an interpolation if two are given, and the second if one is", async () => {
    const draft = draftOf();
    const app = { draft, tab: "interpolate" } as unknown as AppState;
    const files = (...names: string[]): File[] => names.map((name) => new File(["not read"], name));
    const names = (): string[] => draft.images.interpolate.map(({ name }) => name);
    await useImages(app, files("a", "b"));
    await useImages(app, files("c", "d"));
    expect(names()).toEqual(["c", "d"]);
    await useImages(app, files("e"));
    expect(names()).toEqual(["c", "e"]);
  });

  it("fill the ends of an interpolation in turn, then the second", async () => {
    const draft = draftOf();
    for (const prompt of ["a red circle", "a blue square", "a green star"])
      await draft.useAsInput("interpolate", { file: PNG, prompt });
    const { parameters, images } = requestOf(draft, "interpolate");
    expect(images).toHaveLength(2);
    expect(parameters).toMatchObject({ prompts: ["a red circle", "a green star"], isBetweenImages: true, frames: 8 });
    draft.swapEnds();
    expect(requestOf(draft, "interpolate").parameters.prompts).toEqual(["a green star", "a red circle"]);
  });

  it("need a mask for inpainting, that generates something", async () => {
    const draft = draftOf();
    draft.inpaintPrompts = "a blue square";
    await draft.addImage("inpaint", PNG, "photo.png");
    const mask = { share: 0, values: () => new Uint8Array(64 * 64) };
    draft.mask = mask;
    expect(draft.problem("inpaint")?.field).toBe("mask");
    draft.mask = { ...mask, share: 1 };
    expect(requestOf(draft, "inpaint").mask).toEqual(new Uint8Array(64 * 64));
  });
});

describe("a draft and parameters", () => {
  it.each(["create", "variations", "inpaint", "upscale", "interpolate", "edit"] as const)(
    "restores those of %s",
    async (task) => {
      const draft = draftOf();
      Object.assign(draft, { prompts: "a\nb", inpaintPrompts: "c", start: "d", end: "e", before: "f", after: "g" });
      Object.assign(draft, { variationsCaption: "h", upscaleCaption: "i", negative: "j", count: 3, strength: 0.5 });
      draft.setUnet(1, { steps: 3 });
      draft.mask = { share: 0.5, values: () => new Uint8Array(64 * 64) };
      await draft.addImage(task, PNG, "photo.png");
      const { parameters } = requestOf(draft, task);
      const other = draftOf();
      other.mask = draft.mask;
      await other.addImage(task, PNG, "photo.png");
      other.restore(parameters);
      expect(requestOf(other, task).parameters).toEqual(parameters);
      expect(other.isSeedLocked).toBe(true);
    },
  );
});

it("takes the model's defaults in parameters for none, and leaves out what the model has no network for", () => {
  const draft = draftOf();
  const unets = [{ steps: 24, condScale: 2 }, { steps: 12, condScale: 3 }, { steps: 9 }];
  const prior = { steps: 16, condScale: 1, candidates: 2 };
  expect(draft.restore({ task: "create", prompts: ["a"], count: 1, seed: undefined, prior, unets })).toBe("create");
  expect(draft.changes("create")).toBe(1);
  expect(draft.isSeedLocked).toBe(false);
  expect(requestOf(draft, "create").parameters).toMatchObject({ prior: {}, unets: [{}, { condScale: 3 }] });
});

it.each([
  ["create", "shapes", "The form is filled. Generate when you are ready."],
  ["upscale", "shapes", "The form is filled. Add an image."],
  ["create", "karlo", "These parameters are for the model “karlo”. Choose it to get the same image."],
] as const)("restored parameters of %s with the model %s say what is next: %s", (task, model, message) => {
  const said: string[] = [];
  const app = {
    draft: draftOf(),
    session: { choice: { id: "shapes" } },
    toasts: { show: (text: string) => void said.push(text) },
  } as unknown as AppState;
  restoreParameters(app, { task, prompts: ["a"], count: 1, seed: 1, prior: {}, unets: [] }, model);
  expect([app.tab, ...said]).toEqual([task, message]);
});

describe("a kept draft", () => {
  it("survives a reload, without images", async () => {
    const storage = storageWith();
    const first = draftOf();
    const stop = keepDraft(first, storage);
    first.prompts = "a green star";
    first.ends = "images";
    first.count = 4;
    first.setUnet(0, { condScale: 5 });
    await first.addImage("edit", PNG, "photo.png");
    flushSync();
    stop();
    const second = draftOf();
    keepDraft(second, storage)();
    expect(second).toMatchObject({ prompts: "a green star", ends: "images", count: 4, unets: [{ condScale: 5 }] });
    expect(second.images.edit).toEqual([]);
  });

  it.each([
    "no JSON",
    '"text"',
    "null",
    '{"count": 1e9, "prompts": 5, "settings": {"shapes": {"unets": 7}}, "ends": "x"}',
  ])("ignores what is not as it should be: %s", (text) => {
    const draft = draftOf();
    const { prompts } = draft;
    keepDraft(draft, storageWith({ "dalle2app.draft": text }))();
    expect(draft).toMatchObject({ prompts, count: 1, ends: "prompts" });
    expect(requestOf(draft, "create").parameters.unets).toEqual([]);
  });
});
