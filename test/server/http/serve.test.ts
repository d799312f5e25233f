// `dalle2 serve` as a process, with the Shapes model on the adapter of this machine.
import { toFile } from "openai";
import type { ImagesResponse } from "openai/resources/images";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readImageRecord } from "../../../src/pipeline/records/image-record.js";
import { decodeImage } from "../../../src/image/decode.js";
import { encodeImage } from "../../../src/image/encode.js";
import { dalle2Beside } from "../../support/cli.js";
import { ServerProcess } from "../support/server-process.js";

let server: ServerProcess;

/** Few steps: the images need not be good. */
const FEW = { steps: 2, priorSteps: 2, candidates: 1, seed: 3 };

beforeAll(async () => {
  server = await ServerProcess.start({ args: ["--model", "shapes", "--model", "second=shapes"] });
});

afterAll(() => server.stop());

function fileOf(image: { readonly b64_json?: string } | undefined): Buffer {
  return Buffer.from(image?.b64_json ?? "", "base64");
}

test("models.list", async () => {
  const { data } = await server.client().models.list();
  expect(data.map(({ id }) => id)).toEqual(["shapes", "second"]);
});

test("images.generate: n images, each with its record and the seed that makes it again", async () => {
  const client = server.client();
  const params = { prompt: "a red circle", n: 2, dalle2: FEW };
  const { data = [] } = await client.images.generate(params);
  const { record } = await readImageRecord(new Uint8Array(fileOf(data[1])), "the second image");
  expect(record).toMatchObject({
    seed: 4,
    inputs: { prompt: "a red circle" },
    parameters: { script: "BasicInference", decoderSteps: [2, 2], priorSteps: 2 },
  });
  const alone = { prompt: "a red circle", dalle2: { ...FEW, seed: 4 } };
  const again = await client.images.generate(alone);
  const [first, second] = await Promise.all([data[1], again.data?.[0]].map((one) => decodeImage(fileOf(one))));
  expect(second).toEqual(first);
  const fetched = await fetch(data[0]?.url ?? "");
  expect(Buffer.from(await fetched.arrayBuffer())).toEqual(fileOf(data[0]));
});

test("what the model leaves out of a prompt is said", async () => {
  const long = { prompt: "circle ".repeat(200), response_format: "b64_json", dalle2: FEW } as const;
  const answer = await server.client().images.generate(long);
  expect(answer).toMatchObject({ dalle2: { warnings: [expect.stringContaining("tokens")] } });
});

test("images.generate: a stream with partial images", async () => {
  const params = { prompt: "a blue ring", stream: true, partial_images: 1, dalle2: { ...FEW, steps: 4 } } as const;
  const types: string[] = [];
  for await (const event of await server.client().images.generate(params)) types.push(event.type);
  expect(types).toEqual(["image_generation.partial_image", "image_generation.completed"]);
});

test("images.createVariation and images.edit", async () => {
  const client = server.client();
  const params = { prompt: "a red circle", dalle2: FEW };
  const { data } = await client.images.generate(params);
  const image = await toFile(fileOf(data?.[0]), "circle.png", { type: "image/png" });
  const { steps, seed } = FEW;
  const varied = { image, dalle2: { steps, seed } };
  const variations = await client.images.createVariation(varied);
  // The text for the decoder comes from the record in the file.
  expect(variations).toMatchObject({ dalle2: { warnings: [] } });
  const variation = new Uint8Array(fileOf(variations.data?.[0]));
  const { record } = await readImageRecord(variation, "the variation");
  expect(record).toMatchObject({ inputs: { prompt: "a red circle" }, parameters: { script: "ImageVariation" } });

  const original = await decodeImage(fileOf(data?.[0]));
  const { width, height } = original;
  const erased = { ...original, data: original.data.slice() };
  for (let pixel = 0; pixel < width * height; pixel++) if (pixel % width < width / 2) erased.data[pixel * 4 + 3] = 0;
  const mask = await toFile(await encodeImage(erased), "mask.png", { type: "image/png" });
  const masked = { image, mask, prompt: "a blue circle", dalle2: { ...FEW, resampleTimes: 1 } };
  const answer: ImagesResponse = await client.images.edit(masked);
  const edited = await decodeImage(fileOf(answer.data?.[0]));
  const right = (of: typeof original) => of.data.filter((_, i) => (i >> 2) % width >= width / 2);
  expect(right(edited)).toEqual(right(original));
  expect(edited.data).not.toEqual(original.data);
});

test("what the model cannot do is a request that is wrong", async () => {
  const lists = { prompt: "a red circle", dalle2: { steps: [1, 2, 3, 4, 5, 6, 7] } };
  await expect(server.client().images.generate(lists)).rejects.toMatchObject({ status: 400, param: "dalle2.steps" });
  const noisy = { prompt: "a red circle", dalle2: { noiseLevel: 20 } };
  await expect(server.client().images.generate(noisy)).rejects.toMatchObject({
    status: 400,
    code: "argument/no-effect",
    param: "dalle2.noiseLevel",
  });
});

test("a port that is in use is said", async () => {
  const { port } = new URL(server.url);
  const { status, stderr } = await dalle2Beside(["serve", "--port", port]);
  expect(stderr).toContain(`Port ${port} of 127.0.0.1 is in use`);
  expect(status).toBe(2);
});

test("packages that are missing are named, with the command that installs them", async () => {
  const hook = `import { register } from "node:module";
    register("data:text/javascript," + encodeURIComponent(\`export async function resolve(name, context, next) {
      if (name !== "pino" && name !== "prom-client") return next(name, context);
      throw Object.assign(new Error("Cannot find package"), { code: "ERR_MODULE_NOT_FOUND" });
    }\`));`;
  const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(hook)}`;
  const { status, stderr } = await dalle2Beside(["serve", "--port", "0"], { env: { NODE_OPTIONS } });
  expect(stderr).toMatch(
    /needs packages that are not installed: pino, prom-client\. Install them: npm install pino prom-client\./,
  );
  expect(status).not.toBe(0);
});

test("SIGTERM finishes what runs and ends with status 0", async () => {
  const params = { prompt: "a red circle", dalle2: { ...FEW, steps: 20 } };
  const running = server.client().images.generate(params);
  await new Promise((resolve) => setTimeout(resolve, 300));
  const [{ data }, { status, milliseconds }] = await Promise.all([running, server.stop("SIGTERM")]);
  expect(data).toHaveLength(1);
  expect(status).toBe(0);
  // Its connection was kept alive. The grace of 30 s is for what still runs.
  expect(milliseconds).toBeLessThan(25_000);
});
