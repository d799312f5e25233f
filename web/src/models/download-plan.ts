// How much a model downloads, before it is opened.

/** A download of a model. */
export interface PlannedFile {
  readonly url: string;
  /** Undefined if the server does not say. */
  readonly bytes: number | undefined;
}

/** What a model downloads. */
export interface DownloadPlan {
  readonly files: readonly PlannedFile[];
  /** Of the files whose size is known. */
  readonly bytes: number;
  /** Whether the sizes of all files are known. */
  readonly isComplete: boolean;
  /** How far `bytes` may be from the true size, where it is rounded. Default: 0. */
  readonly toleranceBytes?: number | undefined;
}

/** Asks the servers of a load config for the sizes of its files. Rejects if the config cannot be read. */
export async function planDownload(configUrl: string, signal: AbortSignal, get = fetch): Promise<DownloadPlan> {
  const response = await get(configUrl, { signal });
  if (!response.ok) throw new Error(`The server of the load config answered ${String(response.status)}.`);
  const urls = filesOf(await response.json(), configUrl);
  const files = await Promise.all(urls.map(async (url) => ({ url, bytes: await sizeOf(url, signal, get) })));
  return {
    files,
    bytes: files.reduce((sum, { bytes = 0 }) => sum + bytes, 0),
    isComplete: files.length > 0 && files.every(({ bytes }) => bytes !== undefined),
  };
}

/** URLs of the checkpoints and configs that a load config names, each once. */
export function filesOf(config: unknown, configUrl: string): readonly string[] {
  const urls = new Set<string>();
  const walk = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    const { load_type: type, path } = value as { readonly load_type?: unknown; readonly path?: unknown };
    if ((type === "url" || type === "local") && typeof path === "string") urls.add(new URL(path, configUrl).href);
    else Object.values(value).forEach(walk);
  };
  walk(config);
  return [...urls];
}

/** Asks for the first byte, because servers with signed URLs refuse to be asked for nothing. */
async function sizeOf(url: string, signal: AbortSignal, get: typeof fetch): Promise<number | undefined> {
  try {
    const response = await get(url, { headers: { range: "bytes=0-0" }, signal });
    await response.body?.cancel();
    const whole = response.headers.get("content-range")?.match(/\/(\d+)$/)?.[1];
    const length = response.status === 200 ? response.headers.get("content-length") : undefined;
    const size = whole ?? length;
    return size == null ? undefined : Number(size);
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}
