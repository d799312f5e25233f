import type { Arena } from "../../src/tensor/arena.js";
import type { ComputeType } from "../../src/tensor/dtype.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import type { Weights } from "../../src/weights/store.js";
import type { WeightStore } from "../../src/weights/weight-store.js";
import type { AdapterDescription, GpuFeatures } from "../../src/gpu/adapter.js";
import type { Build } from "./build.js";
import { sizeOf, type HostData } from "./host-data.js";

/** Values of a state dict, by name, in torch's layout. */
export type State = Readonly<Record<string, HostData>>;

/** A build of this repository on an open device. */
export interface Subject {
  readonly build: Build;
  readonly dtype: ComputeType;
  readonly arena: Arena;
  readonly adapter: AdapterDescription;
  readonly features: GpuFeatures;
  /** Id of its table of kernel variants; undefined before there were tables. */
  readonly table: string | undefined;
  /** Loads a layer as checkpoints are loaded, so that its weights have the layout that kernels read. */
  layer<Layer>(state: State, declare: (weights: Weights) => Layer): Promise<{ layer: Layer; store: Disposable }>;
  /** Uploads inputs, runs `body` on them, and reads its result. */
  run(inputs: readonly HostData[], body: (...inputs: Tensor[]) => Tensor): Promise<Float32Array>;
}

/** Devices by build: opening one takes long. */
const devices = new Map<Build, Promise<Device>>();

interface Device {
  readonly adapter: AdapterDescription;
  readonly features: GpuFeatures;
  readonly tuning?: { readonly id: string };
  /** Builds before there were streams had none. */
  stream?(): unknown;
}

function openDevice(build: Build): Promise<Device> {
  const open = async (): Promise<Device> => (await build.load("gpu/open.js")).openGpu();
  const device = devices.get(build) ?? open();
  devices.set(build, device);
  return device;
}

export async function openSubject(build: Build, dtype: ComputeType): Promise<Subject> {
  const device = await openDevice(build);
  const { Arena: ArenaClass } = await build.load("tensor/arena.js");
  const arena = new ArenaClass((device.stream?.() ?? device) as never, dtype);
  return {
    build,
    dtype,
    arena,
    adapter: device.adapter,
    features: device.features,
    table: device.tuning?.id,
    layer: (state, declare) => loadLayer(build, arena, state, declare),
    run: async (inputs, body) => {
      const y = arena.scope(() => body(...inputs.map(({ data, shape }) => arena.from(data, shape))));
      try {
        return await y.read();
      } finally {
        y.dispose();
      }
    },
  };
}

async function loadLayer<Layer>(build: Build, arena: Arena, state: State, declare: (weights: Weights) => Layer) {
  const { TensorEntry } = await build.load("weights/tensor-entry.js");
  const entries = Object.entries(state).map(([name, { data, shape }]) => {
    const row = sizeOf(shape.slice(1));
    const read = ([start, end]: readonly [number, number]) =>
      Promise.resolve(new Uint8Array(data.slice(start * row, end * row).buffer));
    return [name, new TensorEntry(name, "F32", shape, read)] as const;
  });
  const Store = await storeClass(build);
  const store = new Store(arena, { name: "benchmark", tensors: new Map(entries) });
  const layer = declare(store.root);
  await store.load();
  return { layer, store };
}

/** Older builds have the store in a module with other names. */
async function storeClass(build: Build): Promise<typeof WeightStore> {
  if (build.has("weights/weight-store.js")) return (await build.load("weights/weight-store.js")).WeightStore;
  return ((await build.load("weights/store.js" as never)) as { WeightStore: typeof WeightStore }).WeightStore;
}
