// @vitest-environment node
import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Gallery, UNDO_TIME } from "../../../web/src/gallery/gallery.svelte.js";
import { GalleryStore, MIGRATIONS, positionOf } from "../../../web/src/gallery/gallery-store.js";
import type { KeptImage } from "../../../web/src/gallery/kept-image.js";

const galleries: Gallery[] = [];

/** A tab of the page. */
async function open(): Promise<Gallery> {
  const gallery = new Gallery();
  galleries.push(gallery);
  await gallery.opened;
  return gallery;
}

function image(id: string, { time = 1, index = 0, model = "shapes", prompt = id } = {}): KeptImage {
  return {
    id,
    jobId: "job",
    index,
    time,
    width: 4,
    height: 4,
    file: new Blob([`file of ${id}`]),
    parameters: { task: "create", prompts: [prompt], count: 1, seed: 1, prior: {}, unets: [] },
    prompt,
    model: { id: model, label: model.toUpperCase() },
    adapter: "an adapter",
    tuning: "portable",
    seconds: 1,
  };
}

const ids = ({ images }: Gallery): string[] => images.map(({ id }) => id);

beforeEach(() => {
  vi.stubGlobal("indexedDB", new IDBFactory());
});

afterEach(async () => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  for (const gallery of galleries.splice(0)) await gallery.dispose();
});

describe("the gallery", () => {
  it("keeps images over a reload, newest first, with their files", async () => {
    const before = await open();
    for (const [id, time, index] of [
      ["a", 1, 0],
      ["c", 2, 1],
      ["b", 2, 0],
      ["d", 3, 0],
    ] as const) {
      await before.add(image(id, { time, index }));
    }
    expect(ids(before)).toEqual(["d", "c", "b", "a"]);
    const after = await open();
    expect(ids(after)).toEqual(["d", "c", "b", "a"]);
    expect(after.total).toBe(4);
    expect(await after.find("b")!.file.text()).toBe("file of b");
  });

  it("reads images in pages, each once, also those of one moment", async () => {
    const store = new GalleryStore();
    for (let i = 0; i < 130; i++) await store.put(image(`${i}`, { time: Math.floor(i / 50), index: i % 50 }));
    await store.close();
    const gallery = await open();
    expect([gallery.images.length, gallery.total, gallery.hasMore]).toEqual([60, 130, true]);
    await gallery.loadMore();
    expect(gallery.images.length).toBe(120);
    await gallery.add(image("new", { time: 9 }));
    await Promise.all([gallery.loadMore(), gallery.loadAll()]);
    expect(gallery.hasMore).toBe(false);
    expect(ids(gallery)).toEqual(["new", ...Array.from({ length: 130 }, (_, i) => `${129 - i}`)]);
  });

  it("reads all at once", async () => {
    const store = new GalleryStore();
    for (let i = 0; i < 150; i++) await store.put(image(`${i}`, { time: i }));
    await store.close();
    const gallery = await open();
    await gallery.loadAll();
    expect(ids(gallery)).toEqual(Array.from({ length: 150 }, (_, i) => `${149 - i}`));
    expect(await gallery.find("3")!.file.text()).toBe("file of 3");
    expect(gallery.hasMore).toBe(false);
  });

  it("lists the models of all images", async () => {
    const store = new GalleryStore();
    for (let i = 0; i < 70; i++) await store.put(image(`${i}`, { time: i, model: i === 0 ? "karlo" : "shapes" }));
    await store.close();
    const models = await (await open()).models();
    expect(models).toEqual([
      { id: "karlo", label: "KARLO" },
      { id: "shapes", label: "SHAPES" },
    ]);
  });

  it("tells other tabs of new, removed and restored images", async () => {
    const [one, other] = [await open(), await open()];
    await one.add(image("a", { time: 1 }));
    await one.add(image("b", { time: 2 }));
    await vi.waitFor(() => {
      expect(ids(other)).toEqual(["b", "a"]);
    });
    expect(await other.find("a")!.file.text()).toBe("file of a");
    const undo = one.remove(["b"]);
    await vi.waitFor(() => {
      expect([ids(other), other.total]).toEqual([["a"], 1]);
    });
    undo();
    await vi.waitFor(() => {
      expect([ids(other), other.total]).toEqual([["b", "a"], 2]);
    });
  });
});

describe("removed images", () => {
  it("come back by undo, at their place", async () => {
    const gallery = await open();
    for (const [i, id] of ["a", "b", "c"].entries()) await gallery.add(image(id, { time: i }));
    const undo = gallery.remove(["b"]);
    expect([ids(gallery), gallery.total]).toEqual([["c", "a"], 2]);
    undo();
    undo();
    expect([ids(gallery), gallery.total]).toEqual([["c", "b", "a"], 3]);
    await vi.waitFor(async () => {
      expect(ids(await open())).toEqual(["c", "b", "a"]);
    });
  });

  it("are gone after a reload, and their files are deleted when the time is over", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "Date"] });
    const gallery = await open();
    await gallery.add(image("a"));
    const url = gallery.url(gallery.find("a")!);
    const revoke = vi.spyOn(URL, "revokeObjectURL");
    gallery.remove(["a"]);
    expect(ids(await open())).toEqual([]);
    expect(await files()).toEqual(["a"]);
    expect(revoke).not.toHaveBeenCalled();
    vi.advanceTimersByTime(UNDO_TIME + 5000);
    await vi.waitFor(async () => {
      expect(await files()).toEqual([]);
    });
    expect(revoke).toHaveBeenCalledWith(url);
  });

  it("are deleted at the next start, if the page was closed in between", async () => {
    const store = new GalleryStore();
    await store.put(image("a"));
    await store.put(image("b"));
    await store.remove(["a"], Date.now() - 60_000);
    await store.close();
    const gallery = await open();
    expect([ids(gallery), await files()]).toEqual([["b"], ["b"]]);
  });

  it("come back even if their files were deleted", async () => {
    const store = new GalleryStore();
    const kept = image("a");
    await store.put(kept);
    await store.remove(["a"], 1);
    await store.purge(2);
    expect(await store.page(undefined, 9)).toEqual([]);
    await store.restore([kept]);
    expect(await (await store.page(undefined, 9))[0]!.file.text()).toBe("file of a");
    await store.close();
  });
});

describe("a gallery that cannot store", () => {
  it("says so if storage is full, and stores the image when there is room", async () => {
    const gallery = await open();
    const put = vi
      .spyOn(GalleryStore.prototype, "put")
      .mockRejectedValueOnce(new DOMException("", "QuotaExceededError"));
    const kept = image("a");
    await gallery.add(kept);
    expect(ids(gallery)).toEqual(["a"]);
    expect(gallery.unsaved).toEqual(["a"]);
    expect(gallery.failure).toMatchObject({
      code: "gallery/quota",
      remedy: "free-storage",
      neededBytes: kept.file.size,
    });
    await gallery.saveAgain();
    expect(put).toHaveBeenCalledTimes(2);
    expect([gallery.unsaved, gallery.failure]).toEqual([[], undefined]);
    expect(ids(await open())).toEqual(["a"]);
  });

  it("keeps images while the page is open if there is no database", async () => {
    vi.stubGlobal("indexedDB", {
      open: () => {
        throw new DOMException("", "SecurityError");
      },
    });
    const gallery = await open();
    await gallery.add(image("a"));
    expect([gallery.status, ids(gallery), gallery.failure?.code]).toEqual([
      "unavailable",
      ["a"],
      "gallery/unavailable",
    ]);
    gallery.remove(["a"])();
    expect(ids(gallery)).toEqual(["a"]);
  });
});

describe("the database", () => {
  it("keeps its images when a newer version of the app changes it, and older pages say that they are outdated", async () => {
    const older = await open();
    await older.add(image("a"));
    const newer = new GalleryStore({
      migrations: [
        ...MIGRATIONS,
        async (_database, transaction) => {
          const images = transaction.objectStore("images");
          for (const record of await images.getAll())
            await images.put({ ...record, prompt: `migrated: ${record.prompt}` });
        },
      ],
    });
    const [found] = await newer.page(undefined, 9);
    expect([found!.prompt, await found!.file.text()]).toEqual(["migrated: a", "file of a"]);
    await older.add(image("b"));
    expect(older.failure?.code).toBe("gallery/outdated");
    expect(older.unsaved).toEqual(["b"]);
    await newer.close();
  });

  it("is opened again after the browser closed it", async () => {
    const store = new GalleryStore();
    await store.put(image("a"));
    const close = vi.spyOn(IDBDatabase.prototype, "transaction").mockImplementationOnce(() => {
      throw new DOMException("", "InvalidStateError");
    });
    expect(await store.count()).toBe(1);
    expect(close).toHaveBeenCalled();
    expect((await store.page(positionOf(image("z", { time: 5 })), 9)).length).toBe(1);
    await store.close();
  });
});

/** Ids of the stored files. */
async function files(): Promise<unknown[]> {
  const request = indexedDB.open("dalle2-gallery");
  const database = await new Promise<IDBDatabase>((resolve) => {
    request.onsuccess = () => {
      resolve(request.result);
    };
  });
  const keys = database.transaction("files").objectStore("files").getAllKeys();
  return new Promise((resolve) => {
    keys.onsuccess = () => {
      database.close();
      resolve(keys.result);
    };
  });
}
