import { join } from "node:path";
import type { Tensor } from "../../src/tensor/tensor.js";
import type { StepInputs } from "../../src/ops/step-inputs.js";
import type { OrtInput } from "../peers/onnxruntime.js";
import type { Subject } from "./subject.js";

/** A network of the Shapes model: an evaluation with the inputs of an example. */
export interface Network {
  /** Prepares a run, evaluates the network once, and reads the result. */
  readonly whole: () => Promise<Float32Array>;
  /** The same in a run that is prepared: what a sampling step does. */
  readonly step?: () => Promise<Float32Array>;
}

type Inputs = Readonly<Record<string, OrtInput>>;

const FOLDER = join(process.cwd(), "configs", "shapes");

async function openModel({ build }: Subject, file: string) {
  const [{ openSource }, { openCheckpoint }, { detectDialect }] = await Promise.all([
    build.load("files/open.js"),
    build.load("models/open-checkpoint.js"),
    build.load("models/dalle2-pytorch/dialect/detect-dialect.js"),
  ]);
  const checkpoint = await openCheckpoint(await openSource(join(FOLDER, file)));
  const { dialect } = detectDialect(checkpoint, { config: checkpoint.config });
  return { checkpoint, dialect };
}

const floats = ({ data }: OrtInput): Float32Array => Float32Array.from(data as Float32Array);

/** Uploads a value in f32; feature maps come channels-first. */
function upload({ arena }: Subject, input: OrtInput): Tensor {
  const { shape } = input;
  if (shape.length === 4) return arena.fromNchw(floats(input), shape as [number, number, number, number], "f32");
  return arena.from(floats(input), shape, "f32");
}

async function read({ arena }: Subject, y: Tensor): Promise<Float32Array> {
  try {
    return await (y.shape.length === 4 ? arena.readNchw(y) : y.read());
  } finally {
    y.dispose();
  }
}

/** A network that is prepared for a run and then evaluated. */
interface Stepper<Prepared> {
  prepare(inputs: StepInputs): Prepared;
  forward(x: Tensor, prepared: Prepared): Tensor;
}

async function network<Prepared>(subject: Subject, x: OrtInput, stepper: Stepper<Prepared>): Promise<Network> {
  const { arena, build } = subject;
  const { StepInputs: Inputs } = await build.load("ops/step-inputs.js");
  const kept = new Inputs(arena, 1);
  const prepared = arena.scope(() => stepper.prepare(kept));
  return {
    whole: () =>
      read(
        subject,
        arena.scope(() => {
          using inputs = new Inputs(arena, 1);
          return stepper.forward(upload(subject, x), stepper.prepare(inputs));
        }),
      ),
    step: () =>
      read(
        subject,
        arena.scope(() => stepper.forward(upload(subject, x), prepared)),
      ),
  };
}

/** U-Net `number` of the decoder, with guidance if `scale` is not 1. */
export async function loadUnet(subject: Subject, number: number, inputs: Inputs, scale: number): Promise<Network> {
  const { build, arena } = subject;
  const { checkpoint, dialect } = await openModel(subject, "decoder.safetensors");
  const [{ Unet }, { WeightStore }, { resolveDecoderConfig }, { trainDecoderConfig }] = await Promise.all([
    build.load("models/dalle2-pytorch/unet/unet.js"),
    build.load("weights/weight-store.js"),
    build.load("models/dalle2-pytorch/options.js"),
    build.load("models/dalle2-pytorch/train-config.js"),
  ]);
  const { stages } = resolveDecoderConfig(trainDecoderConfig.parse(checkpoint.config).decoder);
  const store = new WeightStore(arena, checkpoint);
  const unet = new Unet(store.root.at("unets", number - 1), stages[number - 1]!.unet, dialect.network);
  await store.fill();
  const { x, time, image_embed: imageEmbed, text_encodings: textEncodings, lowres } = inputs;
  return network(subject, x!, {
    prepare: (steps) => {
      const condition = {
        imageEmbed: imageEmbed && upload(subject, imageEmbed),
        textEncodings: textEncodings && upload(subject, textEncodings),
        lowresCondImg: lowres && upload(subject, lowres),
      };
      return unet.prepare(steps, { batch: x!.shape[0]!, times: [[...floats(time!)]], condition }, scale);
    },
    forward: (image, prepared) => unet.forward(image, prepared),
  });
}

export async function loadPrior(subject: Subject, inputs: Inputs): Promise<Network> {
  const { build, arena } = subject;
  const { checkpoint, dialect } = await openModel(subject, "prior.safetensors");
  const [{ PriorNetwork }, { WeightStore }, { resolvePriorConfig }, { trainPriorConfig }] = await Promise.all([
    build.load("models/dalle2-pytorch/prior/prior-network.js"),
    build.load("weights/weight-store.js"),
    build.load("models/dalle2-pytorch/options.js"),
    build.load("models/dalle2-pytorch/train-config.js"),
  ]);
  const { net } = resolvePriorConfig(trainPriorConfig.parse(checkpoint.config).prior);
  const store = new WeightStore(arena, checkpoint);
  const prior = new PriorNetwork(store.root.at("net"), net, dialect.network);
  await store.fill();
  const { image_embed: x, time, text_embed: textEmbed, text_encodings: textEncodings } = inputs;
  const times = [[Number(time!.data[0])]];
  return network(subject, x!, {
    prepare: (steps) => {
      const condition = { textEmbed: upload(subject, textEmbed!), textEncodings: upload(subject, textEncodings!) };
      return prior.prepare(steps, { batch: 1, times, condition }, 1);
    },
    forward: (embed, prepared) => prior.forward(embed, prepared),
  });
}

export async function loadTextEncoder(subject: Subject, { tokens }: Inputs): Promise<Network> {
  const { build, arena } = subject;
  const { checkpoint, dialect } = await openModel(subject, "clip.safetensors");
  const [{ createClip }, { adapterConfig }] = await Promise.all([
    build.load("models/clip/create.js"),
    build.load("models/clip/config/adapter-config.js"),
  ]);
  const config = adapterConfig.parse({ make: "openai", model: "shapes" });
  const { clip, text } = createClip(config, checkpoint, arena, dialect.network);
  await text.fill();
  const row = Int32Array.from(tokens!.data as Int32Array);
  return {
    whole: async () => {
      const { textEmbed, textEncodings } = await clip.embedText(arena, [row]);
      await read(subject, textEncodings);
      return unit(await read(subject, textEmbed));
    },
  };
}

/** An embedding of length 1. The graphs in ONNX leave out this last step. */
export function unit(x: Float32Array): Float32Array {
  const length = Math.hypot(...x);
  return x.map((value) => value / length);
}
