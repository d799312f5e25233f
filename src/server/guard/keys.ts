import { stat } from "node:fs/promises";
import { counted } from "../../platform/counted.js";
import { Dalle2Error } from "../../platform/dalle2-error.js";
import { readKeys, type StoredKey } from "./keys-file.js";
import { withOwn, type Limits, type Owner } from "./limits.js";
import { idOfToken, matchesHash } from "./tokens.js";

/** Finds who owns a token. */
export interface Keys {
  /** Undefined if no key has this token, or if it was revoked. */
  ownerOf(token: string): Promise<Owner | undefined>;
}

/** Options of `openKeys`. */
export interface KeysOptions {
  /** Limits of keys that have none of their own. */
  readonly limits: Limits;
  /** Milliseconds; for tests. Default: the clock of the machine. */
  readonly now?: () => number;
  /** Hears why a changed file could not be read. The keys before it then count on. */
  readonly onWarning: (message: string) => void;
}

/** How often the file is looked at for changes, in milliseconds. */
const LOOK_MS = 1000;

/** Keys of a file. Changes of the file count within a second. */
export class FileKeys implements Keys {
  #owners: ReadonlyMap<string, KnownKey> = new Map();
  #version = "";
  /** The version that could not be read. */
  #failed = "";
  #looked = -Infinity;
  #looking: Promise<void> | undefined;
  readonly #now: () => number;

  private constructor(
    private readonly path: string,
    private readonly options: KeysOptions,
  ) {
    this.#now = options.now ?? Date.now;
  }

  /** Reads the file. Rejects with `FileError` if it cannot be read. Undefined if there is no such file. */
  static async open(path: string, options: KeysOptions): Promise<FileKeys | undefined> {
    const keys = new FileKeys(path, options);
    keys.#version = await versionOf(path);
    const stored = await readKeys(path);
    if (!stored) return undefined;
    keys.#take(stored);
    keys.#looked = keys.#now();
    return keys;
  }

  /** How many keys are not revoked. */
  get count(): number {
    return this.#owners.size;
  }

  async ownerOf(token: string): Promise<Owner | undefined> {
    const id = idOfToken(token);
    if (id === undefined) return undefined;
    await this.#refresh();
    const known = this.#owners.get(id);
    return known && matchesHash(token, known.sha256) ? known.owner : undefined;
  }

  async #refresh(): Promise<void> {
    if (this.#now() - this.#looked < LOOK_MS) return;
    this.#looking ??= this.#look().finally(() => {
      this.#looked = this.#now();
      this.#looking = undefined;
    });
    await this.#looking;
  }

  async #look(): Promise<void> {
    const version = await versionOf(this.path);
    if (version === this.#version) return;
    try {
      // Without a file nobody has a key: a server that was started with keys never opens to all.
      this.#take((await readKeys(this.path)) ?? []);
      this.options.onWarning(`read the keys again: ${counted(this.count, "key")}`);
      this.#version = version;
    } catch (error) {
      if (!(error instanceof Dalle2Error)) throw error;
      if (version !== this.#failed) {
        this.options.onWarning(`the keys that were read before count on: ${error.message}`);
      }
      this.#failed = version;
    }
  }

  #take(stored: readonly StoredKey[]): void {
    const active = stored.filter(({ revoked }) => revoked === undefined);
    this.#owners = new Map(active.map((key) => [key.id, this.#known(key)]));
  }

  #known({ id, name, sha256, limits, readsMetrics = false }: StoredKey): KnownKey {
    return { sha256, owner: { id, name, limits: withOwn(this.options.limits, limits), readsMetrics } };
  }
}

interface KnownKey {
  readonly sha256: string;
  readonly owner: Owner;
}

/** Changes when the file is replaced or written. */
async function versionOf(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  return found ? [found.ino, found.size, found.mtimeMs].join(" ") : "none";
}

/** Whoever reaches a server without keys. */
export function localOwner(limits: Limits): Owner {
  return { id: "local", name: "local", limits, readsMetrics: true };
}
