// Many clients at once: what each of their requests ends in, and what the server computed for it.
import { setTimeout as wait } from "node:timers/promises";
import OpenAI from "openai";
import { decodeImage } from "../../../src/image/decode.js";
import type { StressReport } from "./settings.js";
import { StressServer } from "./server.js";

/** A load: keys with their clients, which take turns at the requests of their key. */
export interface LoadPlan {
  readonly requests: number;
  /** Clients of each key, by its name. A key has as large a share of the requests as of the clients. */
  readonly clients: Readonly<Record<string, number>>;
  readonly maxWaitingJobs: number;
  readonly maxBatchSize: number;
}

/** How a request is sent. */
type Manner = "plain" | "streamed" | "sent twice at once" | "left and sent again";

/** What became of a load. */
export interface LoadResult {
  /** Requests that did not end in their image, with the reason. */
  readonly lost: readonly string[];
  /** Refusals by status. */
  readonly refusals: ReadonlyMap<number, number>;
  /** Refusals that did not say when to try again. */
  readonly mute: number;
  /** Seeds that were computed more than once, of requests whose callers stayed. */
  readonly repeated: readonly number[];
  /** Seeds that were computed. */
  readonly computed: ReadonlySet<number>;
  /**
   * Images of each key from the first fifth until one of the keys had its last. Before, clients that were refused in the rush of
   * the start wait the second that they were told.
   */
  readonly shares: ReadonlyMap<string, number>;
  /** After the first fifth, and at the end. */
  readonly reports: readonly [first: StressReport, last: StressReport];
  readonly seconds: number;
}

const SETTINGS = { steps: 2, stepMs: 12, maxBodyBytes: 2 ** 20, maxBodyBytesAtOnce: 2 ** 26, maxPixels: 2 ** 20 };

/** Runs a load against a server of its own. */
/**
 * Bytes that the server may hold more at the end than after the first fifth, when stores and queue were full and code compiled.
 * A request that leaks itself leaks 10 KiB and more (body, context, image): of 800, this bound would find a half.
 */
export const HELD_GROWTH = 4 * 2 ** 20;

/** The same for resident bytes: V8 may enlarge its young generation to three halves of 16 MiB whatever happens. */
export const RSS_GROWTH = 3 * 16 * 2 ** 20;

export async function runLoad(plan: LoadPlan): Promise<LoadResult> {
  const { clients, maxWaitingJobs, maxBatchSize } = plan;
  await using server = await StressServer.start({
    ...SETTINGS,
    maxWaitingJobs,
    maxBatchSize,
    keys: Object.keys(clients),
  });
  const load = new Load(server, plan);
  const start = performance.now();
  await load.run();
  return await load.result((performance.now() - start) / 1000);
}

class Load {
  readonly #lost: string[] = [];
  readonly #refusals = new Map<number, number>();
  #mute = 0;
  #done = 0;
  readonly #calls: StressReport["calls"][number][] = [];
  #first: Promise<StressReport> | undefined;
  /** Calls of the server in the first fifth. */
  #begun = 0;

  constructor(
    private readonly server: StressServer,
    private readonly plan: LoadPlan,
  ) {}

  /** Ends when all requests have ended. */
  async run(): Promise<void> {
    const { requests, clients } = this.plan;
    const all = Object.values(clients).reduce((sum, count) => sum + count, 0);
    let seed = 0;
    const work = Object.entries(clients).flatMap(([key, count]) => {
      const seeds = Array.from({ length: Math.round((requests * count) / all) }, () => seed++);
      return Array.from({ length: count }, () => this.#client(key, seeds));
    });
    await Promise.all(work);
  }

  async result(seconds: number): Promise<LoadResult> {
    const first = (await this.#first)!;
    const last = await this.server.report();
    this.#calls.push(...last.calls);
    const times = new Map<number, number>();
    for (const seed of this.#calls.flatMap(({ seeds }) => seeds)) times.set(seed, (times.get(seed) ?? 0) + 1);
    const repeated = [...times].filter(([seed, count]) => count > (mannerOf(seed) === "left and sent again" ? 2 : 1));
    return {
      lost: this.#lost,
      refusals: this.#refusals,
      mute: this.#mute,
      repeated: repeated.map(([seed]) => seed),
      computed: new Set(times.keys()),
      shares: this.#shares(),
      reports: [first, last],
      seconds,
    };
  }

  /** Takes the next request of its key until there is none. */
  async #client(key: string, seeds: number[]): Promise<void> {
    const client = this.#openAI(key);
    for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift()) {
      await this.#request(client, key, seed).catch((error: unknown) => {
        this.#lost.push(`${seed} (${mannerOf(seed)}): ${String(error)}`);
      });
      this.#done++;
      if (this.#done === Math.floor(this.plan.requests / 5)) this.#first = this.#report();
    }
  }

  async #report(): Promise<StressReport> {
    const report = await this.server.report();
    this.#calls.push(...report.calls);
    this.#begun = this.#calls.length;
    return report;
  }

  /** The official client, which waits as refusals tell it. */
  #openAI(key: string): OpenAI {
    return new OpenAI({
      baseURL: `${this.server.url}/v1`,
      apiKey: this.server.tokens.get(key)!,
      // A request is given up only where the server says that trying again is of no use.
      maxRetries: 1000,
      fetch: async (...args) => {
        const response = await fetch(...args);
        if (response.status !== 200) this.#refused(response);
        return response;
      },
    });
  }

  #refused({ status, headers }: Response): void {
    this.#refusals.set(status, (this.#refusals.get(status) ?? 0) + 1);
    if (!(Number(headers.get("retry-after")) >= 1)) this.#mute++;
  }

  async #request(client: OpenAI, key: string, seed: number): Promise<void> {
    const manner = mannerOf(seed);
    const headers = { "Idempotency-Key": `request ${seed}` };
    switch (manner) {
      case "plain":
        await checkImage(await imageOf(client, key, seed), seed);
        return;
      case "streamed":
        await checkImage(await streamedImage(client, key, seed), seed);
        return;
      case "sent twice at once": {
        const both = await Promise.all([
          imageOf(client, key, seed, { headers }),
          imageOf(client, key, seed, { headers }),
        ]);
        for (const image of both) await checkImage(image, seed);
        return;
      }
      case "left and sent again": {
        const leave = new AbortController();
        const left = imageOf(client, key, seed, { headers, signal: leave.signal }).catch(() => undefined);
        await wait(20);
        leave.abort();
        await left;
        await checkImage(await imageOf(client, key, seed, { headers }), seed);
        return;
      }
    }
  }

  #shares(): ReadonlyMap<string, number> {
    const keysOf = (calls: StressReport["calls"]) => calls.flatMap(({ prompts }) => prompts);
    const all = keysOf(this.#calls);
    const during = keysOf(this.#calls.slice(this.#begun));
    const ends = [...new Set(all)].map((key) => during.lastIndexOf(key));
    const until = Math.min(...ends);
    const counted = during.slice(0, until + 1);
    return new Map(Object.keys(this.plan.clients).map((key) => [key, counted.filter((one) => one === key).length]));
  }
}

/** The same for a seed in each run. */
function mannerOf(seed: number): Manner {
  if (seed % 10 === 3) return "sent twice at once";
  if (seed % 10 === 5) return "streamed";
  return seed % 20 === 7 ? "left and sent again" : "plain";
}

interface Image {
  readonly seed: number;
  readonly base64: string;
}

function bodyOf(key: string, seed: number) {
  return { model: "shapes", prompt: key, response_format: "b64_json", dalle2: { seed } } as const;
}

async function imageOf(client: OpenAI, key: string, seed: number, options: OpenAI.RequestOptions = {}): Promise<Image> {
  const { data = [] } = await client.images.generate(bodyOf(key, seed), options);
  const [image] = data;
  return imageIn(image);
}

async function streamedImage(client: OpenAI, key: string, seed: number): Promise<Image> {
  const stream = await client.images.generate({ ...bodyOf(key, seed), stream: true });
  let image: Image | undefined;
  for await (const event of stream) {
    if (event.type === "image_generation.completed") image = imageIn(event);
  }
  if (!image) throw new Error("The stream ended without an image.");
  return image;
}

function imageIn(data: unknown): Image {
  const { b64_json, dalle2 } = data as { readonly b64_json: string; readonly dalle2: { readonly seed: number } };
  return { seed: dalle2.seed, base64: b64_json };
}

/** Throws unless an image is that of a seed: the fake model paints it in the colour of its seed. */
async function checkImage({ seed, base64 }: Image, asked: number): Promise<void> {
  const { data } = await decodeImage(new Uint8Array(Buffer.from(base64, "base64")));
  if (seed !== asked || data[0] !== asked % 256) throw new Error(`It got the image of ${seed}, colour ${data[0]}.`);
}
