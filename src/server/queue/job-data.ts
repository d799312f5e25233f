import { promisify } from "node:util";
import { deflate, inflate } from "node:zlib";
import { z } from "zod";
import { makeImage, type RgbImage } from "../../image/image.js";
import { requestSize } from "../../requests/images.js";
import { TASKS, type ImageRequest, type RequestParameters } from "../../requests/request.js";
import { batchKey } from "../../requests/run.js";
import type { Job } from "../jobs/job.js";
import type { JobFiles } from "./job-files.js";
import { QueueError } from "./queue-error.js";

const FILE = z.object({ width: z.int().positive(), height: z.int().positive(), file: z.string() });

const GENERATE = z.object({
  kind: z.literal("generate"),
  id: z.string(),
  model: z.string(),
  owner: z.string(),
  /** Server and worker have the same version, so only the outline is checked. */
  parameters: z.looseObject({
    task: z.enum(TASKS),
    prompts: z.array(z.string()),
    count: z.int().positive(),
    seed: z.int().nonnegative(),
    prior: z.looseObject({}),
    unets: z.array(z.looseObject({})),
  }),
  imageNames: z.array(z.string()).optional(),
  batchSize: z.int().positive().optional(),
  images: z.array(FILE),
  mask: z.object({ file: z.string() }).optional(),
  hint: FILE.optional(),
  hintName: z.string().optional(),
  /** Number of images that it asks for. */
  size: z.int().positive(),
  batchKey: z.string().optional(),
  previewEvery: z.int().positive().optional(),
});

const DESCRIBE = z.object({ kind: z.literal("describe"), id: z.string(), model: z.string() });

const JOB_DATA = z.discriminatedUnion("kind", [GENERATE, DESCRIBE]);

/** A job that generates images, as it lies in the queue. */
export type GenerateData = z.infer<typeof GENERATE>;
/** A job as it lies in the queue. */
export type JobData = z.infer<typeof JOB_DATA>;

/** Checks the data of a job. Throws `QueueError`. */
export function parseJobData(data: unknown): JobData {
  const parsed = JOB_DATA.safeParse(data);
  if (parsed.success) return parsed.data;
  throw new QueueError("A job in the queue is damaged.", { code: "queue/damaged", cause: parsed.error });
}

const compress = promisify<Uint8Array, Buffer>((bytes, done) => {
  deflate(bytes, { level: 1 }, done);
});
const decompress = promisify<Uint8Array, number, Buffer>((bytes, maxOutputLength, done) => {
  inflate(bytes, { maxOutputLength }, done);
});

/** Puts the images of a job into files, and returns the rest of the job as data. */
export async function packJob(job: Job, files: JobFiles): Promise<GenerateData> {
  const { id, model, owner, request, previewEvery } = job;
  const { parameters, images, imageNames, mask, hint, hintName, batchSize } = request;
  const put = async (name: string, bytes: Uint8Array) =>
    await files.put(id, name, new Uint8Array(await compress(bytes)));
  const putImage = async (name: string, { width, height, data }: RgbImage) => ({
    width,
    height,
    file: await put(name, data),
  });
  const packed = await Promise.all(images.map((image, i) => putImage(`in-${i}`, image)));
  return {
    kind: "generate",
    id,
    model,
    owner,
    parameters: parameters as unknown as GenerateData["parameters"],
    imageNames: imageNames === undefined ? undefined : [...imageNames],
    batchSize,
    images: packed,
    mask: mask === undefined ? undefined : { file: await put("mask", mask) },
    hint: hint && (await putImage("hint", hint)),
    hintName,
    size: requestSize(request),
    batchKey: batchKey(request),
    previewEvery,
  };
}

/** The request of a job. Rejects with `QueueError` if its files are gone. */
export async function unpackRequest(data: GenerateData, files: JobFiles): Promise<ImageRequest> {
  const read = async (file: string, length: number): Promise<Uint8Array> => {
    const bytes = await files.get(file);
    if (!bytes) {
      throw new QueueError("The input images of a job are gone.", { code: "queue/files-gone" });
    }
    return new Uint8Array(await decompress(bytes, length));
  };
  const readImage = async ({ width, height, file }: z.infer<typeof FILE>): Promise<RgbImage> =>
    makeImage(width, height, 3, await read(file, width * height * 3));
  const images = await Promise.all(data.images.map(readImage));
  const [first] = images;
  const pixels = first ? first.width * first.height : 0;
  return {
    parameters: data.parameters as unknown as RequestParameters,
    images,
    imageNames: data.imageNames,
    mask: data.mask && (await read(data.mask.file, pixels)),
    hint: data.hint && (await readImage(data.hint)),
    hintName: data.hintName,
    batchSize: data.batchSize,
  };
}

/** The files of a job's inputs. */
export function inputFiles({ images, mask, hint }: GenerateData): readonly string[] {
  return [...images, ...(mask ? [mask] : []), ...(hint ? [hint] : [])].map(({ file }) => file);
}
