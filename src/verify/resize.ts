import { resizeCubicAntialias, resizeNearest as resizeNearestPlanes, type Planes } from "../image/float-resize.js";
import { makeImage } from "../image/image.js";
import { resizeLanczos } from "../image/pillow-resize.js";
import { resizeCubic, resizeNearest } from "../ops/resize.js";
import type { Arena } from "../tensor/arena.js";
import type { Fixture } from "../fixture/fixture.js";
import type { HostTensor } from "../tensor/host-tensor.js";
import type { Runner } from "../fixture/runner.js";
import { EXACT, FORWARD, type Output, type Tolerance } from "../fixture/result.js";

type ResizePlanes = (planes: Planes, height: number, width: number) => Float64Array;

/** Verifies resizing between U-Nets and before CLIP, in kernels and on the CPU, and Pillow's resizing. */
export const verifyResize: Runner = async (fixture, openArena) => {
  const arena = await openArena();
  return [
    ...(await resizeOnGpu(fixture, arena, "cubic", resizeCubic)),
    ...(await resizeOnGpu(fixture, arena, "nearest", resizeNearest)),
    ...(await resizeOnCpu(fixture, "cubic", resizeCubicAntialias, FORWARD.f32)),
    ...(await resizeOnCpu(fixture, "nearest", resizeNearestPlanes, EXACT)),
    ...(await resizeAsPillow(fixture)),
  ];
};

/** Returns the outputs of one method with their sizes: `out.METHOD.SIZE`, square. */
async function outputsOf(fixture: Fixture, method: string): Promise<{ size: number; expected: Float32Array }[]> {
  const names = await fixture.names(`out.${method}.`);
  return Promise.all(
    names.map(async (name) => ({
      size: Number(name.slice(name.lastIndexOf(".") + 1)),
      expected: (await fixture.tensor(name)).data,
    })),
  );
}

async function resizeOnGpu(
  fixture: Fixture,
  arena: Arena,
  method: string,
  resize: typeof resizeCubic,
): Promise<Output[]> {
  const image = await fixture.tensor("in.image");
  const outputs: Output[] = [];
  for (const { size, expected } of await outputsOf(fixture, method)) {
    const resized = arena.scope(() => resize(arena.fromNchw(image.data, sizesOf(image)), [size, size]));
    const actual = await arena.readNchw(resized);
    resized.dispose();
    outputs.push({ name: `${method}.${size} on the GPU`, actual, expected, tolerance: FORWARD[arena.dtype] });
  }
  return outputs;
}

async function resizeOnCpu(
  fixture: Fixture,
  method: string,
  resize: ResizePlanes,
  tolerance: Tolerance,
): Promise<Output[]> {
  const image = await fixture.tensor("in.image");
  const [batch, channels, height, width] = sizesOf(image);
  const planes = { count: batch * channels, height, width, data: image.data };
  const outputs = await outputsOf(fixture, method);
  return outputs.map(({ size, expected }) => {
    return { name: `${method}.${size} on the CPU`, actual: resize(planes, size, size), expected, tolerance };
  });
}

async function resizeAsPillow(fixture: Fixture): Promise<Output[]> {
  const { shape, data } = await fixture.tensor("in.pil");
  const [height = 0, width = 0] = shape;
  const image = makeImage(width, height, 3, Uint8Array.from(data));
  const outputs = await outputsOf(fixture, "pil_lanczos");
  return outputs.map(({ size, expected }) => {
    const { data: actual } = resizeLanczos(image, size, size);
    return { name: `pil_lanczos.${size}`, actual, expected, tolerance: EXACT };
  });
}

function sizesOf({ shape }: HostTensor): readonly [batch: number, channels: number, height: number, width: number] {
  return shape as [number, number, number, number];
}
