import type { Fixture } from "../../../fixture/fixture.js";
import { EXACT, type Output, type Tolerance } from "../../../fixture/result.js";
import { pairOutputs } from "../../../fixture/run-model.js";
import type { Runner } from "../../../fixture/runner.js";
import type { Arena } from "../../../tensor/arena.js";
import type { HostTensor } from "../../../tensor/host-tensor.js";
import type { Tensor } from "../../../tensor/tensor.js";
import { withComponent } from "../../diffusers/verify/component.js";
import { numberOf } from "../../diffusers/verify/sample-inputs.js";
import { movqOptions } from "../config/movq-config.js";
import { Movq } from "../movq/movq.js";
import { LATENT_FORWARD } from "../../diffusers/verify/tolerances.js";

/** The reference adds the difference of latents and entries to the latents again, for its gradients. */
const QUANTIZED: Tolerance = { maxRelative: 1e-7 };

/** Encodes images, and decodes latents as they are and quantised. */
export const verifyMovq: Runner = async (fixture, openArena) => {
  const arena = await openArena();
  return withComponent(
    fixture,
    arena,
    "movq",
    (weights, { value, file }) => new Movq(weights, movqOptions(value, file)),
    async (movq) => {
      const outputs: Output[] = [];
      for (const name of await fixture.names("in.image.")) {
        const image = await fixture.tensor(name);
        outputs.push(...(await pair(fixture, arena, `${numberOf(name)}.encode`, image, (x) => movq.encode(x))));
      }
      for (const name of await fixture.names("in.latents.")) {
        outputs.push(...(await latentOutputs(fixture, arena, movq, name)));
      }
      return outputs;
    },
  );
};

async function latentOutputs(fixture: Fixture, arena: Arena, movq: Movq, name: string): Promise<readonly Output[]> {
  const latents = await fixture.tensor(name);
  const i = numberOf(name);
  const { indices, values } = await movq.quantize(pixelsOf(latents));
  const quantized = planesOf(values, latents.shape);
  const compare = async (output: string, actual: ArrayLike<number>, tolerance: Tolerance): Promise<Output> => {
    const { data: expected } = await fixture.tensor(`out.${i}.${output}`);
    return { name: `${i}.${output}`, actual, expected, tolerance };
  };
  const decode = (x: Tensor) => movq.decode(x);
  return [
    await compare("indices", indices, EXACT),
    await compare("quantized", quantized.data, QUANTIZED),
    ...(await pair(fixture, arena, `${i}.decode`, latents, decode)),
    ...(await pair(fixture, arena, `${i}.decode_quantized`, quantized, decode)),
  ];
}

async function pair(
  fixture: Fixture,
  arena: Arena,
  output: string,
  { data, shape }: HostTensor,
  compute: (x: Tensor) => Tensor,
): Promise<readonly Output[]> {
  const result = arena.scope(() => compute(arena.fromNchw(data, shape as [number, number, number, number], "f32")));
  return pairOutputs(fixture, { [output]: result }, LATENT_FORWARD[arena.dtype]);
}

/** `[B, C, H, W]` to `[B, H, W, C]`. */
function pixelsOf({ data, shape: [batch = 0, channels = 0, height = 0, width = 0] }: HostTensor): Float32Array {
  const size = height * width;
  return Float32Array.from({ length: batch * channels * size }, (_, at) => {
    const [pixel, channel] = [Math.floor(at / channels), at % channels];
    const sample = Math.floor(pixel / size);
    return data[(sample * channels + channel) * size + (pixel % size)]!;
  });
}

/** The reverse. */
function planesOf(values: Float32Array, shape: readonly number[]): HostTensor {
  const [, channels = 0, height = 0, width = 0] = shape;
  const size = height * width;
  const data = Float32Array.from(values, (_, at) => {
    const [plane, place] = [Math.floor(at / size), at % size];
    const [sample, channel] = [Math.floor(plane / channels), plane % channels];
    return values[(sample * size + place) * channels + channel]!;
  });
  return { shape, data };
}
