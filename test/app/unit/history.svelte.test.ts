// @vitest-environment node
import { unzipSync } from "fflate";
import { afterEach, describe, expect, it, vi } from "vitest";
import { byDay } from "../../../web/src/gallery/days.js";
import { archive, downloadArchive } from "../../../web/src/gallery/archive.js";
import type { Gallery } from "../../../web/src/gallery/gallery.svelte.js";
import { HistoryView } from "../../../web/src/gallery/history-view.svelte.js";
import type { KeptImage } from "../../../web/src/gallery/kept-image.js";
import { matching } from "../../../web/src/gallery/matches.js";

function image(id: string, prompt = id, others: Partial<KeptImage> = {}): KeptImage {
  const parameters = { task: "create", prompts: [prompt], count: 1, seed: 7, prior: {}, unets: [] } as const;
  const model = { id: "shapes", label: "Shapes" };
  const time = others.time ?? 0;
  return { id, prompt, parameters, model, time, index: 0, file: new Blob([`file of ${id}`]), ...others } as KeptImage;
}

function viewOf(images: readonly KeptImage[]): HistoryView {
  return new HistoryView({ images, hasMore: false, loadAll: () => Promise.resolve() } as unknown as Gallery);
}

afterEach(() => {
  vi.unstubAllGlobals();
  vi.unstubAllEnvs();
});

describe("the history", () => {
  it("groups images by day, in words", () => {
    const now = new Date(2026, 10, 26, 9);
    const at = (...date: [number, number, number, number]) => image("x", "x", { time: new Date(...date).getTime() });
    const days = byDay(
      [at(2026, 10, 26, 8), at(2026, 10, 26, 0), at(2026, 10, 25, 23), at(2026, 9, 1, 1), at(2025, 9, 1, 1)],
      now,
    );
    expect(days.map(({ label, images }) => [label, images.length])).toEqual([
      ["Today", 2],
      ["Yesterday", 1],
      ["Thursday, October 1", 1],
      ["October 1, 2025", 1],
    ]);
  });

  it("finds images by all words of prompts, seeds and models, without case and accents", () => {
    const images = [image("a", "Un café rouge"), image("b", "a red circle"), image("c", "a red square")];
    const found = (text: string, modelId = "") => matching(images, { text, modelId }).map(({ id }) => id);
    expect(found("cafe")).toEqual(["a"]);
    expect(found("RED squ")).toEqual(["c"]);
    expect(found("red 7 shapes")).toEqual(["b", "c"]);
    expect(found(" ")).toEqual(["a", "b", "c"]);
    expect(found("", "karlo")).toEqual([]);
  });

  it("selects a range from what was selected last, and only what matches", async () => {
    const view = viewOf(["a", "b", "c", "d", "e"].map((id) => image(id)));
    const selected = () => view.selection.map(({ id }) => id);
    view.toggle("b");
    view.selectTo("d");
    expect(selected()).toEqual(["b", "c", "d"]);
    view.toggle("c");
    view.selectTo("a");
    expect(selected()).toEqual(["a", "b", "c", "d"]);
    view.text = "d";
    expect(selected()).toEqual(["d"]);
    await view.selectAll();
    view.clearFilter();
    expect(selected()).toEqual(["a", "b", "c", "d"]);
  });

  it("begins a range at the first image that is selected to", () => {
    const view = viewOf(["a", "b", "c", "d"].map((id) => image(id)));
    view.selectTo("b");
    view.selectTo("d");
    expect(view.selection.map(({ id }) => id)).toEqual(["b", "c", "d"]);
  });

  it("begins a range anew where the image that began it was removed, or is filtered out", () => {
    const gallery = { images: ["a", "b", "c", "d", "e"].map((id) => image(id)), hasMore: false };
    const view = new HistoryView(gallery as unknown as Gallery);
    view.toggle("b");
    view.text = "d";
    view.selectTo("d");
    expect([...view.selected]).toEqual(["b", "d"]);
    view.clearFilter();
    view.selectTo("e");
    expect([...view.selected]).toEqual(["b", "d", "e"]);
    view.clearSelection();
    gallery.images = gallery.images.filter(({ id }) => id !== "d");
    // The list of the real gallery is state; this one is read anew when the filter changes.
    view.modelId = "shapes";
    view.selectTo("c");
    expect([...view.selected]).toEqual(["c"]);
  });

  it("names a zip file by the day of the person", async () => {
    const names: string[] = [];
    const click = vi.fn();
    vi.stubGlobal("document", {
      createElement: () => ({
        click,
        set download(name: string) {
          names.push(name);
        },
      }),
    });
    vi.stubEnv("TZ", "Pacific/Auckland");
    await downloadArchive([image("a")], new Date("2026-03-01T22:00:00Z"));
    vi.stubEnv("TZ", "America/Los_Angeles");
    await downloadArchive([image("a")], new Date("2026-03-01T02:00:00Z"));
    expect(names).toEqual(["images-2026-03-02.zip", "images-2026-02-28.zip"]);
    expect(click).toHaveBeenCalledTimes(2);
  });

  it("saves several images as a zip file with different names", async () => {
    const zip = await archive([image("a", "a red circle"), image("b", "a red circle"), image("c", "")]);
    const files = unzipSync(new Uint8Array(await zip.arrayBuffer()));
    expect(
      Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, new TextDecoder().decode(bytes)])),
    ).toEqual({
      "a-red-circle-7.png": "file of a",
      "a-red-circle-7 (2).png": "file of b",
      "create-7.png": "file of c",
    });
  });
});
