import { openDB, type DBSchema, type IDBPDatabase, type IDBPTransaction, type StoreNames } from "idb";
import type { KeptImage } from "./kept-image.js";

/** What is stored of an image beside its file, so that lists are read without the files. */
type ImageRecord = Omit<KeptImage, "file">;

/** An image that was removed, and may be brought back for a while. */
interface RemovedRecord {
  readonly record: ImageRecord;
  /** In milliseconds since 1970. */
  readonly removedAt: number;
}

/** Orders images: by time, then by index in their job. */
export type Position = readonly [time: number, index: number, id: string];

interface GallerySchema extends DBSchema {
  images: { key: string; value: ImageRecord; indexes: { "by-position": [number, number, string]; "by-model": string } };
  files: { key: string; value: Blob };
  removed: { key: string; value: RemovedRecord };
}

type Upgrade = IDBPTransaction<GallerySchema, StoreNames<GallerySchema>[], "versionchange">;

/** Brings the database from one version to the next. */
export type Migration = (database: IDBPDatabase<GallerySchema>, transaction: Upgrade) => void | Promise<void>;

/** From each version to the next: the first makes version 1. Published ones stay as they are; changes are appended. */
export const MIGRATIONS: readonly Migration[] = [
  (database) => {
    const images = database.createObjectStore("images", { keyPath: "id" });
    images.createIndex("by-position", ["time", "index", "id"]);
    images.createIndex("by-model", "model.id");
    database.createObjectStore("files");
    database.createObjectStore("removed", { keyPath: "record.id" });
  },
];

/** Options of `GalleryStore`. */
export interface GalleryStoreOptions {
  /** Default: `dalle2-gallery`. */
  readonly name?: string;
  /** Default: `MIGRATIONS`. */
  readonly migrations?: readonly Migration[];
  /** Called when a page with a newer version of the app wants to change the database. This page can no longer use it. */
  readonly onOutdated?: () => void;
}

/** The images in this browser's IndexedDB. Methods reject with `DOMException`. */
export class GalleryStore {
  readonly #options: GalleryStoreOptions;
  #opened: Promise<IDBPDatabase<GallerySchema>> | undefined;
  #isOutdated = false;

  constructor(options: GalleryStoreOptions = {}) {
    this.#options = options;
  }

  /** Stores an image; replaces one with its id. */
  put({ file, ...record }: KeptImage): Promise<void> {
    return this.#use(async (database) => {
      const transaction = database.transaction(["images", "files"], "readwrite");
      // The file first: it is what storage may have no room for.
      await Promise.all([
        transaction.objectStore("files").put(file, record.id),
        transaction.objectStore("images").put(record),
        transaction.done,
      ]);
    });
  }

  /** The images before a position, newest first; from the newest if there is no position. */
  page(before: Position | undefined, count: number): Promise<readonly KeptImage[]> {
    return this.#use(async (database) => {
      const transaction = database.transaction(["images", "files"]);
      const range = before && IDBKeyRange.upperBound([...before], true);
      const records: ImageRecord[] = [];
      let cursor = await transaction.objectStore("images").index("by-position").openCursor(range, "prev");
      while (cursor && records.length < count) {
        records.push(cursor.value);
        if (records.length < count) cursor = await cursor.continue();
      }
      return withFiles(transaction.objectStore("files"), records);
    });
  }

  /** All images before a position, newest first. Faster than pages. */
  rest(before: Position | undefined): Promise<readonly KeptImage[]> {
    return this.#use(async (database) => {
      const transaction = database.transaction(["images", "files"]);
      const files = transaction.objectStore("files");
      const range = before && IDBKeyRange.upperBound([...before], true);
      const [records, ids, blobs] = await Promise.all([
        transaction.objectStore("images").index("by-position").getAll(range),
        files.getAllKeys(),
        files.getAll(),
      ]);
      const byId = new Map(ids.map((id, i) => [id, blobs[i]]));
      return withFiles({ get: (id) => Promise.resolve(byId.get(id)) }, records.reverse());
    });
  }

  /** Images by their ids; those that are not there are left out. */
  get(ids: readonly string[]): Promise<readonly KeptImage[]> {
    return this.#use(async (database) => {
      const transaction = database.transaction(["images", "files"]);
      const records = await Promise.all(ids.map((id) => transaction.objectStore("images").get(id)));
      return withFiles(
        transaction.objectStore("files"),
        records.filter((record) => record !== undefined),
      );
    });
  }

  /** How many there are. */
  count(): Promise<number> {
    return this.#use((database) => database.count("images"));
  }

  /** The models of all images, each once. */
  models(): Promise<readonly KeptImage["model"][]> {
    return this.#use(async (database) => {
      const models: KeptImage["model"][] = [];
      const index = database.transaction("images").store.index("by-model");
      let cursor = await index.openCursor(null, "nextunique");
      while (cursor) {
        models.push(cursor.value.model);
        cursor = await cursor.continue();
      }
      return models;
    });
  }

  /** Takes images out of all lists. `restore` brings them back until `purge` deletes them. */
  remove(ids: readonly string[], removedAt: number): Promise<void> {
    return this.#use(async (database) => {
      const transaction = database.transaction(["images", "removed"], "readwrite");
      const [images, removed] = [transaction.objectStore("images"), transaction.objectStore("removed")];
      for (const id of ids) {
        const record = await images.get(id);
        if (!record) continue;
        await Promise.all([removed.put({ record, removedAt }), images.delete(id)]);
      }
      await transaction.done;
    });
  }

  /** Brings removed images back, also those that are deleted by now. */
  restore(kept: readonly KeptImage[]): Promise<void> {
    return this.#use(async (database) => {
      const transaction = database.transaction(["files", "images", "removed"], "readwrite");
      const [images, removed] = [transaction.objectStore("images"), transaction.objectStore("removed")];
      for (const { file, ...record } of kept) {
        if (await removed.get(record.id)) await removed.delete(record.id);
        else await transaction.objectStore("files").put(file, record.id);
        await images.put(record);
      }
      await transaction.done;
    });
  }

  /** Deletes the images that were removed at a time or before. */
  purge(removedUntil: number): Promise<void> {
    return this.#use(async (database) => {
      const transaction = database.transaction(["files", "removed"], "readwrite");
      const [files, removed] = [transaction.objectStore("files"), transaction.objectStore("removed")];
      for (const { record, removedAt } of await removed.getAll()) {
        if (removedAt <= removedUntil) await Promise.all([files.delete(record.id), removed.delete(record.id)]);
      }
      await transaction.done;
    });
  }

  /** Closes the database. */
  async close(): Promise<void> {
    const database = await this.#opened?.catch(() => undefined);
    database?.close();
    this.#opened = undefined;
  }

  async #use<Result>(work: (database: IDBPDatabase<GallerySchema>) => Promise<Result>): Promise<Result> {
    try {
      return await work(await this.#open());
    } catch (error) {
      // Closed by the browser, as when the data of the site are cleared: open it again.
      if (this.#isOutdated || !(error instanceof DOMException && error.name === "InvalidStateError")) throw error;
      this.#opened = undefined;
      return work(await this.#open());
    }
  }

  #open(): Promise<IDBPDatabase<GallerySchema>> {
    if (this.#opened) return this.#opened;
    const { name = "dalle2-gallery", migrations = MIGRATIONS, onOutdated } = this.#options;
    const opened = openDB<GallerySchema>(name, migrations.length, {
      upgrade: (database, from, _to, transaction) => {
        migrate(migrations.slice(from), database, transaction).catch(() => {
          // The database stays as it was, and opening fails.
          transaction.abort();
        });
      },
      blocking: (_from, _to, { target }) => {
        (target as IDBDatabase).close();
        this.#isOutdated = true;
        onOutdated?.();
      },
      terminated: () => {
        this.#opened = undefined;
      },
    });
    opened.catch(() => {
      this.#opened = undefined;
    });
    return (this.#opened = opened);
  }
}

async function migrate(
  migrations: readonly Migration[],
  database: IDBPDatabase<GallerySchema>,
  transaction: Upgrade,
): Promise<void> {
  for (const migration of migrations) await migration(database, transaction);
}

/** Where an image is among all. */
export function positionOf({ time, index, id }: Pick<KeptImage, "time" | "index" | "id">): Position {
  return [time, index, id];
}

async function withFiles(
  files: { get(id: string): Promise<Blob | undefined> },
  records: readonly ImageRecord[],
): Promise<readonly KeptImage[]> {
  const blobs = await Promise.all(records.map(({ id }) => files.get(id)));
  return records.flatMap((record, i) => {
    const file = blobs[i];
    return file ? [{ ...record, file }] : [];
  });
}
