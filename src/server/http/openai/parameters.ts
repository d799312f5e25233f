// Each parameter of OpenAI's images API and what happens with it here. The schemas, the OpenAPI document and docs/openai.md use it.

/** The routes of images. */
export const IMAGE_ROUTES = ["generations", "edits", "variations"] as const;
/** One of `IMAGE_ROUTES`. */
export type ImageRoute = (typeof IMAGE_ROUTES)[number];

/** What happens with a parameter. */
export interface Parameter {
  readonly routes: readonly ImageRoute[];
  /** `ignored`: its values are accepted and change nothing. `partly`: `what` says which values are refused. */
  readonly treatment: "honoured" | "partly" | "ignored";
  /** What happens, in a sentence or more. */
  readonly what: string;
}

const ALL = IMAGE_ROUTES;
const BY_PROMPT = ["generations", "edits"] as const;

const TABLE = {
  prompt: {
    routes: BY_PROMPT,
    treatment: "honoured",
    what: "The prompt, of at most 32,000 characters. A model reads a number of tokens; what is beyond is left out, with a warning in the answer.",
  },
  model: {
    routes: ALL,
    treatment: "honoured",
    what: "Name of a model of this server (`models.list`). Default: the first. An unknown name is refused with 404.",
  },
  image: {
    routes: ["edits", "variations"],
    treatment: "partly",
    what: "A PNG, JPEG or WebP file. One image: several are refused. For `edits` with a mask it must be square, unless the model generates many sizes; for `variations` the largest square in its middle counts.",
  },
  mask: {
    routes: ["edits"],
    treatment: "honoured",
    what: "A PNG or WebP file of the size of the image. Where its alpha is 128 or less, the image is generated; the other pixels are kept. Without it, the alpha of the image counts. If nothing is transparent, the request needs `dalle2.from`.",
  },
  n: {
    routes: ALL,
    treatment: "honoured",
    what: "Number of images, 1 to the limit of the key (10). Each has the next seed. Default 1.",
  },
  size: {
    routes: ALL,
    treatment: "honoured",
    what: "`auto` (the default) is the model's own size; with a mask or a hint, models of many sizes (Kandinsky 2.2, Stable unCLIP) then keep the proportions of the image. Those models generate `WIDTHxHEIGHT`, with sides rounded up to a multiple such as 64. To a size that the model does not generate, the image is resampled with Pillow's LANCZOS, after it is cut in the middle to that aspect ratio; the answer says so (`dalle2.resampledFrom`, header `x-dalle2-resampled-from`). Sizes above the limit of the server are refused.",
  },
  response_format: {
    routes: ALL,
    treatment: "honoured",
    what: "`b64_json`: the image in the answer. `url`: a signed URL of this server that expires. Default: both. With `stream` only `b64_json` is allowed.",
  },
  output_format: {
    routes: BY_PROMPT,
    treatment: "honoured",
    what: "`png` (the default), `jpeg` or `webp`. Each holds the record of how the image was generated.",
  },
  output_compression: {
    routes: BY_PROMPT,
    treatment: "partly",
    what: "Quality of `jpeg` and `webp`, 0 to 100; `webp` with 100 is lossless. Default 100. With `png`, which is lossless, only 100 is allowed.",
  },
  stream: {
    routes: BY_PROMPT,
    treatment: "honoured",
    what: "`true`: the answer is a stream of events (`partial_image`, `completed`). A failure after the stream began is an event `error`.",
  },
  partial_images: {
    routes: BY_PROMPT,
    treatment: "honoured",
    what: "Previews of each image in a stream, 0 to 3, evenly over the sampling steps of the decoder. Without `stream` it changes nothing. Default 0.",
  },
  background: {
    routes: BY_PROMPT,
    treatment: "partly",
    what: "Images are opaque: `auto` and `opaque` are accepted, `transparent` is refused.",
  },
  quality: {
    routes: BY_PROMPT,
    treatment: "ignored",
    what: "Accepted, changes nothing: `dalle2.steps` and `dalle2.condScale` say how a model samples.",
  },
  style: { routes: ["generations"], treatment: "ignored", what: "Accepted, changes nothing: say it in the prompt." },
  moderation: {
    routes: ["generations"],
    treatment: "ignored",
    what: "Accepted, changes nothing: nothing is moderated.",
  },
  input_fidelity: {
    routes: ["edits"],
    treatment: "ignored",
    what: "Accepted, changes nothing: what a mask keeps is kept byte by byte.",
  },
  user: { routes: ALL, treatment: "ignored", what: "Accepted; neither kept nor logged." },
} as const satisfies Readonly<Record<string, Parameter>>;

/** Name of a parameter of OpenAI's images API. */
export type ParameterName = keyof typeof TABLE;

/** All parameters by name, in the order of the documentation. */
export const PARAMETERS: Readonly<Record<ParameterName, Parameter>> = TABLE;

/** Parameters that forms carry as numbers in text. */
export const NUMBERS: ReadonlySet<string> = new Set<ParameterName>(["n", "output_compression", "partial_images"]);
/** Parameters that forms carry as `true` or `false`. */
export const BOOLEANS: ReadonlySet<string> = new Set<ParameterName>(["stream"]);
/** Parameters that are files. */
export const FILES: ReadonlySet<string> = new Set<ParameterName>(["image", "mask"]);
