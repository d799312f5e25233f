// Files and folders that a user of a page picked or dropped.
import { describe, expect, it } from "vitest";
import { droppedFolder } from "../../../src/files/dropped.js";
import { cloneableFolder, givenFolder, namesIn, type GivenFolder } from "../../../src/files/folder/given-folder.js";
import { openSource } from "../../../src/files/open.js";
import { openCheckpoint } from "../../../src/models/open-checkpoint.js";
import { ArgumentError } from "../../../src/platform/arguments.js";
import { FileError } from "../../../src/platform/errors.js";
import type { ByteSource } from "../../../src/platform/source.js";
import { failure, fileHandle, folderHandle, pickedFiles } from "../../support/folder-handle.js";
import { safetensorsFile } from "../../support/safetensors-file.js";

const FILES = new Map([
  ["a.txt", "a"],
  ["50% #1?.txt", "odd"],
  ["inner/b.txt", "b"],
  ["inner/deep/c.txt", "c"],
]);

async function text(opened: Promise<ByteSource>): Promise<string> {
  const source = await opened;
  return new TextDecoder().decode(await source.read(0, source.size));
}

const inHandles = (): (File | FileSystemFileHandle | FileSystemDirectoryHandle)[] => [
  new File(["a"], "a.txt"),
  fileHandle("50% #1?.txt", "odd"),
  folderHandle("inner", new Map(FILES).set("b.txt", "b").set("deep/c.txt", "c")),
];

/** The same files as each kind of folder, and the name of that. */
const FOLDERS: readonly (readonly [kind: string, folder: GivenFolder, name: string])[] = [
  ["a handle", folderHandle("outer", FILES), "outer"],
  ["a list with one handle", [folderHandle("outer", FILES)], "outer"],
  ["the files of an input", pickedFiles("outer", FILES), "outer"],
  ["files and handles side by side", inHandles(), ""],
  ["files by their paths", new Map([...FILES].map(([path, content]) => [path, new Blob([content])])), ""],
];

describe.each(FOLDERS)("a folder as %s", (_, given, name) => {
  const folder = givenFolder(given);
  const named = (path: string): string => (name === "" ? path : `${name}/${path}`);

  it("has its files, and those in its folders", async () => {
    expect(await namesIn(given)).toEqual(["a.txt", "50% #1?.txt"]);
    for (const [path, content] of FILES) {
      expect([path, await folder.has(path)]).toEqual([path, true]);
      expect(await text(folder.open(path))).toBe(content);
      expect((await folder.open(path)).name).toBe(named(path));
    }
    expect(folder.name).toBe(name || "the given files");
    for (const path of ["none.txt", "inner", "inner/deep", "none/b.txt", "a.txt/b.txt", "", "."]) {
      expect([path, await folder.has(path)]).toEqual([path, false]);
    }
  });

  it("says which file it does not have", async () => {
    const error: unknown = await folder.open("inner/none.txt").catch((error: unknown) => error);
    expect(error).toBeInstanceOf(FileError);
    expect(error).toMatchObject({ code: "file/not-found", location: named("inner/none.txt") });
  });

  it("has folders, which no path leads out of", async () => {
    const inner = folder.folder("inner");
    expect(inner.name).toBe(named("inner"));
    expect(await text(inner.open("deep/../b.txt"))).toBe("b");
    for (const path of ["../a.txt", "deep/../../a.txt", "/a.txt", "deep\\c.txt"]) {
      await expect(inner.open(path)).rejects.toThrow(`is not in ${named("inner")}`);
      expect(() => folder.resolve("x.json", `inner/../../${path}`)).toThrow(FileError);
    }
    expect(folder.resolve("inner/x.json", "../a.txt")).toBe("a.txt");
    expect(() => folder.resolve("inner/x.json", "/a.txt")).toThrow(FileError);
  });

  it("opens files beside others", async () => {
    const source = await openSource({ folder: given, path: "inner/b.txt" });
    expect(await text(source.openBeside!("deep/c.txt"))).toBe("c");
    expect(await text(source.openBeside!("../a.txt"))).toBe("a");
    await expect(source.openBeside!("../../a.txt")).rejects.toThrow(FileError);
  });
});

it("is cloned with the paths of its files", async () => {
  const clone = structuredClone(cloneableFolder(pickedFiles("outer", FILES)));
  expect(await text(givenFolder(clone).open("inner/deep/c.txt"))).toBe("c");
});

it("reads shards beside their index, or says that it has only the index", async () => {
  const index = JSON.stringify({ metadata: {}, weight_map: { a: "one.safetensors", b: "two.safetensors" } });
  const folder = new Map([["model.safetensors.index.json", new Blob([index])]]);
  for (const [tensor, shard] of [
    ["a", "one"],
    ["b", "two"],
  ] as const) {
    const bytes = await safetensorsFile({ [tensor]: { shape: [1], values: [1] } });
    folder.set(`${shard}.safetensors`, new Blob([new Uint8Array(bytes)]));
  }
  const checkpoint = await openCheckpoint(await openSource({ folder, path: "model.safetensors.index.json" }));
  expect([...checkpoint.tensors.keys()]).toEqual(["a", "b"]);
  await checkpoint.close();
  const alone = openCheckpoint(await openSource(new File([index], "model.safetensors.index.json")));
  await expect(alone).rejects.toThrow("was given without its folder; give the folder");
});

describe("handles", () => {
  it("without permission say how to get it", async () => {
    const refused = folderHandle("outer", FILES, failure("NotAllowedError"));
    const expected = { code: "file/access-refused", message: expect.stringContaining("requestPermission") as string };
    await expect(givenFolder(refused).has("a.txt")).rejects.toMatchObject(expected);
    await expect(namesIn(refused)).rejects.toMatchObject(expected);
    await expect(openSource(fileHandle("a.txt", failure("NotAllowedError")))).rejects.toMatchObject(expected);
  });

  it("of files that are gone say so", async () => {
    const gone = openSource(fileHandle("a.txt", failure("NotFoundError")));
    await expect(gone).rejects.toMatchObject({ code: "file/not-found", location: "a.txt" });
    const broken = openSource(fileHandle("a.txt", failure("NotReadableError")));
    await expect(broken).rejects.toMatchObject({ code: "file/failed", location: "a.txt" });
  });
});

it("refuses two files with one path, and other objects", () => {
  expect(() => givenFolder([new File(["1"], "a.txt"), new File(["2"], "a.txt")])).toThrow(
    "a.txt: two of the given files",
  );
  expect(() => givenFolder({ prior: {} } as never)).toThrow(ArgumentError);
});

/** An entry of a dropped folder in browsers without handles, which lists two entries at a time. */
function entry(name: string, content: string | readonly FileSystemEntry[] | DOMException): FileSystemEntry {
  type Rejects = (error: DOMException) => void;
  const file = (resolve: (file: File) => void, reject: Rejects): void => {
    if (content instanceof DOMException) reject(content);
    else resolve(new File([content as string], name));
  };
  const createReader = () => {
    const left = [...(content as readonly FileSystemEntry[])];
    return {
      readEntries: (resolve: (some: FileSystemEntry[]) => void) => {
        resolve(left.splice(0, 2));
      },
    };
  };
  return { name, isDirectory: Array.isArray(content), file, createReader } as unknown as FileSystemEntry;
}

const item = (one: Partial<DataTransferItem> & { getAsFileSystemHandle?: () => Promise<never> }) =>
  ({ kind: "file", webkitGetAsEntry: () => null, getAsFile: () => null, ...one }) as DataTransferItem;

describe("a drop", () => {
  const tree = [entry("a.txt", "a"), entry("c.txt", "c"), entry("d.txt", "d"), entry("inner", [entry("b.txt", "b")])];

  it("gives the handle of a folder, where there are handles", async () => {
    const handle = folderHandle("outer", FILES);
    const dropped = await droppedFolder({
      items: [item({ getAsFileSystemHandle: () => Promise.resolve(handle as never) })],
    });
    expect(givenFolder(dropped).name).toBe("outer");
    expect(await text(givenFolder(dropped).open("inner/b.txt"))).toBe("b");
  });

  it("gives the files of a folder by their paths in it, where there are none", async () => {
    const dropped = await droppedFolder({ items: [item({ webkitGetAsEntry: () => entry("outer", tree) })] });
    expect(await namesIn(dropped)).toEqual(["a.txt", "c.txt", "d.txt"]);
    expect(await text(givenFolder(dropped).open("inner/b.txt"))).toBe("b");
  });

  it("gives files and folders side by side, asked for at once", async () => {
    let isOver = false;
    const during =
      <Value>(value: Value) =>
      () => {
        expect(isOver).toBe(false);
        return value;
      };
    const dropping = droppedFolder({
      items: [
        item({ kind: "string" }),
        item({ webkitGetAsEntry: during(entry("outer", tree)) }),
        item({ webkitGetAsEntry: during(entry("x.json", "x")) }),
        item({ getAsFile: during(new File(["y"], "y.json")) }),
      ],
    });
    isOver = true;
    const folder = givenFolder(await dropping);
    expect(await text(folder.open("outer/inner/b.txt"))).toBe("b");
    expect(await text(folder.open("x.json"))).toBe("x");
    expect(await text(folder.open("y.json"))).toBe("y");
  });

  it("without files, or with files that cannot be read, is refused", async () => {
    await expect(droppedFolder({ items: [item({ kind: "string" })] })).rejects.toMatchObject({
      code: "file/not-found",
    });
    const unreadable = entry("outer", [entry("a.txt", failure("NotReadableError"))]);
    await expect(droppedFolder({ items: [item({ webkitGetAsEntry: () => unreadable })] })).rejects.toThrow(
      "a.txt: the dropped file or folder could not be read",
    );
  });
});
