/** What a file has: its content, or what reading it fails with. */
export type HandleContent = Uint8Array | string | DOMException;

type Files = ReadonlyMap<string, HandleContent>;

class FakeFile {
  readonly kind = "file";

  constructor(
    readonly name: string,
    private readonly content: HandleContent,
  ) {}

  getFile(): Promise<File> {
    const { content, name } = this;
    return content instanceof DOMException ? Promise.reject(content) : Promise.resolve(fileOf(content, name));
  }
}

class FakeFolder {
  readonly kind = "directory";

  constructor(
    readonly name: string,
    private readonly files: Files,
    private readonly refusal: DOMException | undefined,
  ) {}

  getFileHandle(name: string): Promise<FakeFile> {
    return this.#answer(name, () => {
      const content = this.files.get(name);
      if (content !== undefined) return new FakeFile(name, content);
      throw this.#inside(name).size > 0 ? failure("TypeMismatchError") : failure("NotFoundError");
    });
  }

  getDirectoryHandle(name: string): Promise<FakeFolder> {
    return this.#answer(name, () => {
      const inside = this.#inside(name);
      if (inside.size > 0) return new FakeFolder(name, inside, this.refusal);
      throw this.files.has(name) ? failure("TypeMismatchError") : failure("NotFoundError");
    });
  }

  async *values(): AsyncGenerator<FakeFile | FakeFolder> {
    for (const name of new Set([...this.files.keys()].map((path) => path.split("/")[0]!))) {
      yield this.files.has(name) ? await this.getFileHandle(name) : await this.getDirectoryHandle(name);
    }
  }

  #inside(folder: string): Files {
    const inside = [...this.files].filter(([path]) => path.startsWith(`${folder}/`));
    return new Map(inside.map(([path, content]) => [path.slice(folder.length + 1), content]));
  }

  #answer<Handle>(name: string, find: () => Handle): Promise<Handle> {
    return Promise.resolve().then(() => {
      if (this.refusal) throw this.refusal;
      // As browsers do for what is no name.
      if (/^(?:\.{0,2}|.*\/.*)$/.test(name)) throw new TypeError("Name is not allowed.");
      return find();
    });
  }
}

/** An error of a browser, by its name. */
export function failure(name: string): DOMException {
  return new DOMException("it failed", name);
}

function fileOf(content: Uint8Array | string, name: string): File {
  return new File([typeof content === "string" ? content : new Uint8Array(content)], name);
}

/** A file handle in place of a browser's. */
export function fileHandle(name: string, content: HandleContent): FileSystemFileHandle {
  return new FakeFile(name, content) as unknown as FileSystemFileHandle;
}

/** A folder handle in place of a browser's, over files by their paths. All calls reject with `refusal`. */
export function folderHandle(name: string, files: Files, refusal?: DOMException): FileSystemDirectoryHandle {
  return new FakeFolder(name, files, refusal) as unknown as FileSystemDirectoryHandle;
}

/** The files of an `<input webkitdirectory>` in which the user chose the folder `name`. */
export function pickedFiles(name: string, files: ReadonlyMap<string, Uint8Array | string>): File[] {
  return [...files].map(([path, content]) => {
    const file = fileOf(content, path.split("/").at(-1)!);
    return Object.defineProperty(file, "webkitRelativePath", { value: `${name}/${path}` });
  });
}
