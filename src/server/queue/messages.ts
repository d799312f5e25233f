// What workers tell servers while a job runs. A message that is lost is not repeated: outcomes are kept in keys.
import { promisify } from "node:util";
import { deflate, inflate } from "node:zlib";
import { z } from "zod";
import { makeImage, type RgbImage } from "../../image/image.js";
import { parseJson } from "../../platform/json.js";
import { IMAGE_REFERENCE } from "./outcome.js";

const MESSAGE = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("stage"),
    stage: z.discriminatedUnion("stage", [
      z.object({ stage: z.literal("loading"), fraction: z.number() }),
      z.object({ stage: z.literal("running") }),
    ]),
  }),
  z.object({
    kind: z.literal("progress"),
    progress: z.object({
      phase: z.enum(["prior", "decoder"]),
      unetNumber: z.int().optional(),
      step: z.int(),
      steps: z.int(),
      millisecondsLeft: z.number().optional(),
    }),
  }),
  /** Its pixels follow the JSON. */
  z.object({ kind: z.literal("preview"), index: z.int().nonnegative(), width: z.int(), height: z.int() }),
  z.object({ kind: z.literal("image"), index: z.int().nonnegative(), image: IMAGE_REFERENCE }),
  z.object({ kind: z.literal("warning"), message: z.string() }),
  /** The job is over, or set aside: look at its outcome. */
  z.object({ kind: z.literal("over") }),
]);

/** See above. */
export type JobMessage = z.infer<typeof MESSAGE>;

const compress = promisify<Uint8Array, Buffer>((bytes, done) => {
  deflate(bytes, { level: 1 }, done);
});
const decompress = promisify<Uint8Array, number, Buffer>((bytes, maxOutputLength, done) => {
  inflate(bytes, { maxOutputLength }, done);
});

/** A message as bytes: the length of its JSON, the JSON, and the pixels of a preview. */
export async function encodeMessage(message: JobMessage, pixels?: Uint8Array): Promise<Buffer> {
  const json = Buffer.from(JSON.stringify(message));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(json.length);
  return Buffer.concat([length, json, ...(pixels ? [await compress(pixels)] : [])]);
}

/** Reads a message, with the image of a preview; undefined if it is none. */
export async function decodeMessage(
  bytes: Buffer,
): Promise<{ readonly message: JobMessage; readonly preview?: RgbImage } | undefined> {
  if (bytes.length < 4) return undefined;
  const end = 4 + bytes.readUInt32LE(0);
  const { data: message } = MESSAGE.safeParse(parseJson(bytes.subarray(4, end).toString()));
  if (message?.kind !== "preview") return message && { message };
  const { width, height } = message;
  const pixels = await decompress(bytes.subarray(end), width * height * 3);
  return { message, preview: makeImage(width, height, 3, new Uint8Array(pixels)) };
}
