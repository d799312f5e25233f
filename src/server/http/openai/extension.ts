// The object `dalle2` of a request: what this library offers beyond OpenAI's API, under the library's names.
import { z } from "@hono/zod-openapi";
import { SAMPLER_NAMES } from "../../../diffusion/samplers.js";
import { MAX_SEED } from "../../../requests/images.js";
import { REQUEST_DEFAULTS, type RequestSettings, type Sampling } from "../../../requests/request.js";
import { ServerError } from "../../server-error.js";
import { IMAGE_ROUTES, type ImageRoute } from "./parameters.js";

type Bytes = Uint8Array<ArrayBuffer>;

/** Most sampling steps of a network, noise on image embeddings, candidates, and repetitions of a step. */
const [MAX_STEPS, MAX_NOISE_LEVEL, MAX_CANDIDATES, MAX_RESAMPLING] = [1000, 999, 16, 20];
/** Most U-Nets of a decoder. */
const MAX_UNETS = 8;

const steps = z.int().min(1).max(MAX_STEPS);
const scale = z.number().min(-100).max(100);
const sampler = z.enum(SAMPLER_NAMES);
const text = z.string().max(32_000);

/** One value for all U-Nets, or a value, or null for the model's default, for each. */
function ofUnets<T extends typeof steps | typeof scale>(value: T) {
  return z.union([value, z.array(value.nullable()).min(1).max(MAX_UNETS)]);
}

const FIELDS = {
  seed: z.int().min(0).max(MAX_SEED).describe("Seed of the first image; each later one has the next. Default: random."),
  steps: ofUnets(steps).describe(
    "Sampling steps of the decoder: for all U-Nets, or a list with one for each (null: default).",
  ),
  condScale: ofUnets(scale).describe(
    "Guidance scale of the decoder: for all U-Nets, or a list with one for each. 1 is no guidance.",
  ),
  sampler: sampler.describe("Sampler of the decoder."),
  noiseLevel: z
    .int()
    .min(0)
    .max(MAX_NOISE_LEVEL)
    .describe(
      `Noise on image embeddings, 0 to ${MAX_NOISE_LEVEL}: more makes images less like them. Only Stable unCLIP takes it. Default 0.`,
    ),
  priorSteps: steps.describe("Sampling steps of the prior."),
  priorCondScale: scale.describe("Guidance scale of the prior. 1 is no guidance."),
  priorSampler: sampler.describe("Sampler of the prior."),
  candidates: z
    .int()
    .min(1)
    .max(MAX_CANDIDATES)
    .describe("Candidates for each image embedding. The one most similar to the prompt is kept."),
  negativePrompt: text.describe("What the image must not show. It needs guidance: a scale other than 1."),
  resampleTimes: z
    .int()
    .min(1)
    .max(MAX_RESAMPLING)
    .describe(`How often inpainting repeats each step. Default ${REQUEST_DEFAULTS.resampleTimes}.`),
  previewEvery: steps.describe(
    "With `stream`: sampling steps of a U-Net between two previews, in place of `partial_images`. Who reads slowly gets the newest.",
  ),
  text: text.describe(
    "What the image shows, for decoders that take text. Default: the prompt in the record of an image that this package wrote.",
  ),
  hint: z
    .custom<Bytes | string>((value) => value instanceof Uint8Array || isBase64(value), "it must be a file, in base64")
    .openapi({ type: "string" })
    .describe(
      "An image that the results follow, such as a map of depths: a PNG, JPEG or WebP file in base64, or as a `data:` URL; in forms a file `dalle2[hint]`. Models that were trained with hints (Kandinsky 2.2 with ControlNet) need it, others refuse it. It is resized to the size of the images.",
    ),
  from: text.describe(
    "What the image shows now. Without a mask, the image is then edited by text as a whole, towards the prompt.",
  ),
  strength: z
    .number()
    .min(0)
    .max(1)
    .describe(
      `How far such an edit goes, 0 to 1. Several images go from weak to strong. Default ${REQUEST_DEFAULTS.strength}.`,
    ),
} as const;

type Name = keyof typeof FIELDS;

/** A file in base64, alone or as a `data:` URL. */
const BASE64 = /^(?:data:[\w/+.-]*;base64,)?([A-Za-z0-9+/]+={0,2})$/;

function isBase64(value: unknown): value is string {
  return typeof value === "string" && BASE64.test(value);
}

/** The file of the hint; undefined without one. */
export function hintFile({ hint }: Extension): Bytes | undefined {
  if (typeof hint !== "string") return hint;
  const [, base64 = ""] = BASE64.exec(hint) ?? [];
  return new Uint8Array(Buffer.from(base64, "base64"));
}

const SETTINGS = ["steps", "condScale", "sampler", "noiseLevel"] as const satisfies readonly Name[];
const PRIOR = ["priorSteps", "priorCondScale", "priorSampler", "candidates"] as const satisfies readonly Name[];

/** The routes that take each field. */
const ROUTES: Readonly<Record<Name, readonly ImageRoute[]>> = {
  ...ofRoutes(["seed", ...SETTINGS, "negativePrompt", "hint"], IMAGE_ROUTES),
  ...ofRoutes(PRIOR, ["generations", "edits"]),
  ...ofRoutes(["resampleTimes", "from", "strength"], ["edits"]),
  ...ofRoutes(["previewEvery"], ["generations", "edits"]),
  ...ofRoutes(["text"], ["variations"]),
} as Record<Name, readonly ImageRoute[]>;

function ofRoutes(names: readonly Name[], routes: readonly ImageRoute[]): Record<string, readonly ImageRoute[]> {
  return Object.fromEntries(names.map((name) => [name, routes]));
}

/** The fields with what they mean and the routes that take them, for the documentation. */
export function extensionFields(): readonly {
  readonly name: string;
  readonly routes: readonly ImageRoute[];
  readonly what: string;
}[] {
  return Object.entries(FIELDS).map(([name, field]) => ({
    name,
    routes: ROUTES[name as Name],
    what: field.description ?? "",
  }));
}

const whole = z.strictObject(FIELDS).partial();

/** What the object `dalle2` of a request says. */
export type Extension = z.infer<typeof whole>;

/** Its schema for a route. */
export function extensionOf(route: ImageRoute) {
  const names = Object.entries(ROUTES).filter(([, routes]) => routes.includes(route));
  const mask = Object.fromEntries(names.map(([name]) => [name, true])) as Record<Name, true>;
  return whole.pick(mask).openapi(`Dalle2${route.charAt(0).toUpperCase()}${route.slice(1)}`, {
    description: "What this server offers beyond OpenAI's API. Absent fields are the model's defaults.",
  });
}

/** Fields of the extension that forms carry as they are; all others are numbers in text, alone or in a list. */
export const EXTENSION_TEXTS: ReadonlySet<string> = new Set<Name>([
  "sampler",
  "priorSampler",
  "negativePrompt",
  "text",
  "from",
  "hint",
]);

/** Fields of the extension that forms may carry as files. */
export const EXTENSION_FILES: ReadonlySet<string> = new Set<Name>(["hint"]);

/** How a request with this extension is sampled. Throws `ServerError` for lists of different lengths. */
export function samplingOf(
  extension: Extension,
): Pick<RequestSettings, "prior" | "unets" | "decoder" | "sampler" | "noiseLevel"> {
  const { priorSteps, priorCondScale, priorSampler, candidates, steps: ofSteps, condScale } = extension;
  const prior = { steps: priorSteps, condScale: priorCondScale, sampler: priorSampler, candidates };
  const lengths = [ofSteps, condScale].flatMap((value) => (Array.isArray(value) ? [value.length] : []));
  if (new Set(lengths).size > 1) {
    const message = `dalle2.steps has ${lengths.join(" values and dalle2.condScale ")}; lists have one for each U-Net.`;
    throw new ServerError("bad-request", message, { param: "dalle2.condScale" });
  }
  const unets = Array.from({ length: lengths[0] ?? 0 }, (_, i): Sampling => ({
    steps: ofUnet(ofSteps, i),
    condScale: ofUnet(condScale, i),
  }));
  const decoder = unets.length === 0 ? { steps: ofUnet(ofSteps, 0), condScale: ofUnet(condScale, 0) } : undefined;
  return { prior, unets, decoder, sampler: extension.sampler, noiseLevel: extension.noiseLevel };
}

function ofUnet(value: Extension["steps"], unet: number): number | undefined {
  return (typeof value === "object" ? value[unet] : value) ?? undefined;
}
