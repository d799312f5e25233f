import { describe, expect, it, vi } from "vitest";
import type { AppState } from "../../../web/src/app-state.svelte.js";
import type { KeptImage } from "../../../web/src/gallery/kept-image.js";
import { Job } from "../../../web/src/jobs/job.svelte.js";
import type { RequestParameters } from "dalle2-webgpu/requests";
import { SHAPES } from "../../../web/src/models/model-choice.js";
import { parseSettings, Settings } from "../../../web/src/shell/settings.svelte.js";
import { Toasts } from "../../../web/src/shell/toasts.svelte.js";
import { webGpuHelp } from "../../../web/src/shell/webgpu-help.js";
import { actionOfKey, IMAGE_ACTIONS } from "../../../web/src/stage/actions.js";
import { batchesOf, titleOf } from "../../../web/src/stage/batch.js";
import { detailsOf } from "../../../web/src/stage/details.js";
import { fileNameOf } from "../../../web/src/stage/file-name.js";
import { fitGrid, fitImage } from "../../../web/src/stage/fit.js";
import type { Shown } from "../../../web/src/stage/shown.js";
import { Viewer } from "../../../web/src/stage/viewer.svelte.js";
import { sayBytes, sayTime } from "../../../web/src/parts/amounts.js";
import { Zoom } from "../../../web/src/stage/zoom.svelte.js";

const PARAMETERS: RequestParameters = {
  task: "create",
  prompts: ["a red circle"],
  count: 1,
  seed: 7,
  prior: {},
  unets: [],
};

function kept(id: string, jobId: string, index = 0): KeptImage {
  return {
    id,
    jobId,
    index,
    time: 0,
    width: 64,
    height: 64,
    file: new Blob(),
    parameters: PARAMETERS,
    prompt: `prompt of ${id}`,
    model: { id: "shapes", label: "Shapes" },
    adapter: "",
    tuning: "",
    seconds: 1,
  };
}

const pixels = { width: 1, height: 1, channels: 3, data: new Uint8Array(3) } as const;

function viewerOf(jobs: readonly Job[], images: readonly KeptImage[], shown: Shown) {
  const gallery = { images, find: (id: string) => images.find((image) => image.id === id) };
  const app = $state({ queue: { jobs }, gallery, shown, isFullView: false });
  return { app, viewer: new Viewer(app as unknown as AppState) };
}

describe("the size of an image on the stage", () => {
  it("is a whole factor of small images, in pixels of the screen", () => {
    const image = { width: 64, height: 64 };
    expect(fitImage(image, { width: 700, height: 800 }, true, 1)).toEqual({ width: 640, height: 640 });
    expect(fitImage(image, { width: 700, height: 800 }, true, 2)).toEqual({ width: 672, height: 672 });
    expect(fitImage(image, { width: 700, height: 800 }, false, 1)).toEqual({ width: 700, height: 700 });
  });

  it("is that of the box for images that are larger", () => {
    expect(fitImage({ width: 1024, height: 512 }, { width: 512, height: 512 }, true, 1)).toEqual({
      width: 512,
      height: 256,
    });
  });

  it("is the largest that a grid has room for", () => {
    const image = { width: 1, height: 1 };
    expect(fitGrid(4, image, { width: 408, height: 408 }, 8)).toEqual({
      columns: 2,
      cell: { width: 200, height: 200 },
    });
    expect(fitGrid(3, image, { width: 316, height: 100 }, 8).columns).toBe(3);
    expect(fitGrid(3, image, { width: 100, height: 316 }, 8).columns).toBe(1);
  });
});

describe("batches", () => {
  it("are the jobs of this visit, then the images of earlier ones by their job", () => {
    const job = new Job({ parameters: PARAMETERS, images: [] }, SHAPES);
    const images = [kept("c", "old", 1), kept("b", "old", 0), kept("a", "older")];
    const batches = batchesOf([job], images);
    expect(batches.map(({ jobId }) => jobId)).toEqual([job.id, "old", "older"]);
    expect(batches[1]?.images.map(({ kept: image }) => image?.id)).toEqual(["b", "c"]);
  });

  it("leave out images that were deleted, and jobs that have none left", () => {
    const job = new Job({ parameters: { ...PARAMETERS, count: 2 }, images: [] }, SHAPES);
    job.status = "done";
    job.show(0, { pixels, image: undefined, keptId: "a" });
    job.show(1, { pixels, image: undefined, keptId: "b" });
    expect(batchesOf([job], [kept("b", job.id, 1)])[0]?.images.map(({ index }) => index)).toEqual([1]);
    expect(batchesOf([job], [])).toEqual([]);
  });

  it("keep the previews of a job that was cancelled", () => {
    const job = new Job({ parameters: { ...PARAMETERS, count: 2 }, images: [] }, SHAPES);
    job.show(0, { pixels, image: undefined, keptId: undefined });
    expect(batchesOf([job], [])[0]?.images).toHaveLength(2);
    job.cancel();
    expect(batchesOf([job], [])[0]?.images).toHaveLength(1);
  });

  it("have titles", () => {
    expect(titleOf({ ...PARAMETERS, task: "interpolate", prompts: ["a", "b"] })).toBe("Interpolation: a → b");
    expect(titleOf({ ...PARAMETERS, task: "variations", prompts: [] })).toBe("Variation");
  });
});

describe("the viewer", () => {
  const images = [kept("d", "two", 0), kept("e", "two", 1), kept("f", "one")];

  it("pages through images in the order of the strip, and stays at the ends", () => {
    const { app, viewer } = viewerOf([], images, { kind: "image", id: "d" });
    viewer.page(-1);
    expect(app.shown).toEqual({ kind: "image", id: "d" });
    viewer.page(1);
    expect(viewer.image?.kept?.id).toBe("e");
    viewer.page(1);
    expect(viewer.image?.kept?.id).toBe("f");
  });

  it("goes back one level at a time", () => {
    const { app, viewer } = viewerOf([], images, { kind: "compare", ids: ["d", "f"] });
    viewer.back();
    expect(viewer.image?.kept?.id).toBe("d");
    app.isFullView = true;
    expect(viewer.back()).toBe(true);
    expect([app.isFullView, viewer.image?.kept?.id]).toEqual([false, "d"]);
    viewer.back();
    expect([viewer.image, viewer.batch?.jobId]).toEqual([undefined, "two"]);
    expect(viewer.back()).toBe(false);
  });

  it("puts an image on the side of a comparison that is chosen", () => {
    const { app, viewer } = viewerOf([], images, { kind: "compare", ids: ["d", "e"] });
    viewer.choose(viewer.batches[1]!);
    expect(app.shown).toEqual({ kind: "compare", ids: ["d", "f"] });
    viewer.side = 0;
    viewer.choose(viewer.batches[0]!);
    expect(app.shown).toEqual({ kind: "compare", ids: ["d", "f"] });
  });

  it("knows what comes after an image that is deleted", () => {
    const { viewer } = viewerOf([], images, { kind: "nothing" });
    expect(viewer.neighbour("d")).toEqual({ kind: "batch", jobId: "two", index: 1 });
    expect(viewer.neighbour("f")).toEqual({ kind: "batch", jobId: "two", index: 1 });
  });
});

describe("in the full view", () => {
  const images = [kept("a", "one"), kept("b", "two"), kept("c", "three")];

  /** The page with an image in full view. */
  function pageWith(list: readonly KeptImage[], id: string): AppState {
    const gallery = $state({
      images: list,
      find: (one: string) => gallery.images.find((image) => image.id === one),
      remove: (ids: readonly string[]) => {
        gallery.images = gallery.images.filter((image) => !ids.includes(image.id));
      },
    });
    const shown: Shown = { kind: "image", id };
    const app = $state({ queue: { jobs: [] }, gallery, shown, isFullView: true, tab: "history", toasts: new Toasts() });
    const viewer = new Viewer(app as unknown as AppState);
    return Object.assign(app, { viewer }) as unknown as AppState;
  }

  function run(app: AppState, id: string, image: KeptImage): void {
    void IMAGE_ACTIONS.find((action) => action.id === id)!.run(app, image);
  }

  it("a comparison ends it", () => {
    const app = pageWith(images, "b");
    run(app, "compare", images[1]!);
    expect(app).toMatchObject({ isFullView: false, tab: "create", shown: { kind: "compare", ids: ["c", "b"] } });
  });

  it("an image is compared with another one, not with itself", () => {
    const app = pageWith(images, "a");
    app.viewer.note("b");
    app.viewer.note("a");
    run(app, "compare", images[1]!);
    expect(app.shown).toEqual({ kind: "compare", ids: ["c", "b"] });
    const alone = pageWith(images.slice(0, 1), "a");
    run(alone, "compare", images[0]!);
    expect(alone).toMatchObject({ isFullView: true, tab: "history", shown: { kind: "image" } });
  });

  it("the next image follows one that is deleted; after the last one it ends", () => {
    const app = pageWith(images.slice(0, 2), "a");
    run(app, "delete", images[0]!);
    expect([app.isFullView, app.viewer.target?.kept?.id]).toEqual([true, "b"]);
    run(app, "delete", images[1]!);
    expect([app.isFullView, app.shown]).toEqual([false, { kind: "nothing" }]);
  });
});

describe("messages", () => {
  it("stay while the pointer or the focus is in them", () => {
    vi.useFakeTimers();
    const toasts = new Toasts();
    toasts.show("Done.");
    const [toast] = toasts.list;
    toast!.time.hold("pointer");
    toast!.time.hold("focus");
    toast!.time.release("pointer");
    vi.advanceTimersByTime(60_000);
    expect(toasts.list).toHaveLength(1);
    toast!.time.release("focus");
    vi.advanceTimersByTime(60_000);
    expect(toasts.list).toEqual([]);
    vi.useRealTimers();
  });

  it("give way to newer ones, and are not counted once they are gone", () => {
    vi.useFakeTimers();
    const toasts = new Toasts();
    for (const message of ["1", "2", "3", "4"]) toasts.show(message);
    expect(toasts.list.map(({ message }) => message)).toEqual(["2", "3", "4"]);
    toasts.dismiss(toasts.list[0]!);
    expect(vi.getTimerCount()).toBe(2);
    vi.useRealTimers();
  });
});

describe("a zoom", () => {
  const size = { width: 100, height: 100 };

  it("keeps the point under the pointer, and the image over its view", () => {
    const zoom = new Zoom();
    zoom.by(2, { x: 20, y: 0 }, size);
    expect([zoom.scale, zoom.offset]).toEqual([2, { x: -20, y: 0 }]);
    zoom.pan({ x: 500, y: 0 }, size);
    expect(zoom.offset).toEqual({ x: 50, y: 0 });
    zoom.by(0.1, { x: 0, y: 0 }, size);
    expect([zoom.isReset, zoom.offset.x === 0]).toEqual([true, true]);
  });
});

describe("words", () => {
  it("say bytes and times", () => {
    expect([0, 999, 1500, 12_400_000, 13.7e9].map(sayBytes)).toEqual(["0 B", "999 B", "1.5 kB", "12 MB", "13.7 GB"]);
    expect([200, 8000, 180_000, 7_200_000].map(sayTime)).toEqual(["1 s", "8 s", "3 min", "2 h"]);
  });

  it("name files by prompt and seed", () => {
    expect(fileNameOf({ prompt: "Ein “rotes” Café/Haus?", parameters: PARAMETERS })).toBe("Ein-rotes-Café-Haus-7.png");
    expect(fileNameOf({ prompt: "", parameters: PARAMETERS })).toBe("create-7.png");
  });
});

it("details have all that was set, with the candidates of the prior", () => {
  const parameters = { ...PARAMETERS, prior: { steps: 4, candidates: 1 }, unets: [{}, { condScale: 1.25 }] };
  const rows = detailsOf({ ...kept("a", "one"), parameters }).map(({ label, value }) => `${label}: ${value}`);
  expect(rows).toEqual(expect.arrayContaining(["Prior: 4 steps, 1 candidate", "U-Net 2: guidance 1.25", "Seed: 7"]));
  expect(rows.some((row) => row.startsWith("U-Net 1"))).toBe(false);
});

describe("actions", () => {
  it("have keys of their own", () => {
    const keys = IMAGE_ACTIONS.flatMap(({ key }) => key ?? []);
    expect(new Set(keys).size).toBe(keys.length);
    expect(actionOfKey("V")?.id).toBe("variations");
    expect(actionOfKey("Backspace")?.id).toBe("delete");
    expect(actionOfKey("q")).toBeUndefined();
  });
});

describe("settings", () => {
  it("are kept, and are the defaults where what was kept is not ours", () => {
    const kept = new Map<string, string>();
    const storage = {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => void kept.set(key, value),
    };
    const settings = new Settings(storage);
    settings.theme = "dark";
    settings.save();
    expect(new Settings(storage).theme).toBe("dark");
    expect(parseSettings('{"theme":"pink","isSmooth":true}')).toMatchObject({ theme: "system", isSmooth: true });
    expect(parseSettings("not JSON").dtype).toBe("auto");
  });
});

describe("help without WebGPU", () => {
  const facts = { userAgent: "", isSecure: true, hasWebGpu: false };

  it("names the setting of the browser", () => {
    const firefox = webGpuHelp({ ...facts, userAgent: "Mozilla/5.0 (X11; Linux) Gecko/20100101 Firefox/140.0" });
    expect(firefox.steps.join(" ")).toContain("dom.webgpu.enabled");
    const chrome = webGpuHelp({
      ...facts,
      userAgent: "Mozilla/5.0 (X11; Linux x86_64) Chrome/130.0.0.0 Safari/537.36",
    });
    expect(chrome.steps.join(" ")).toContain("enable-unsafe-webgpu");
    expect(webGpuHelp({ ...facts, isSecure: false }).title).toContain("https");
  });
});
