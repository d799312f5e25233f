import {
  createWorkerClient,
  type GeneratedOn,
  type RemoteGpu,
  type WarmupProgress,
  type WorkerClient,
} from "dalle2-webgpu";
import { fitInpainting, runRequest } from "dalle2-webgpu/requests";
import type { DeviceInfo, Engine, OpenModel, OpenOptions } from "./engine.js";

/** Sampling steps between two previews. */
const PREVIEW_EVERY = 2;

/** The library in a worker of this page. */
export function createWorkerEngine(onWarning: (message: string) => void): Engine {
  const client = createWorkerClient({ onWarning });
  let gpu: Promise<RemoteGpu> | undefined;
  const device = (): Promise<RemoteGpu> => {
    gpu ??= client.openGpu();
    gpu.catch(() => {
      gpu = undefined;
    });
    return gpu;
  };
  return {
    device: async () => deviceInfo(await device()),
    open: async (config, options) => openModel(client, await device(), config, options),
    planMemory: async (config, dtype, weights) => {
      const adapter = await device();
      const { maxStorageBufferBindingSize: maxBindingSize } = adapter.limits;
      const options = { dtype, batchSize: 1, gpu: adapter, maxBindingSize };
      return client.planMemory(config, { ...options, ...(weights && { weights }) });
    },
    inspect: (file) => client.inspect(file),
    decodeImage: (file) => client.decodeImage(file),
    encodeImage: async (image) => png(await client.encodeImage(image)),
    readRecord: (file) => client.readImageRecord(file),
    resize: (image, width, height) => client.resizeLanczos(image, width, height),
    storage: () => client.storageState(),
    downloads: () => client.listCache(),
    clearDownloads: async (isChosen) => {
      await client.clearCache(undefined, isChosen);
    },
    dispose: () => {
      client.dispose();
    },
  };
}

function png(file: Uint8Array<ArrayBuffer>): Blob {
  return new Blob([file], { type: "image/png" });
}

function deviceInfo({ adapter, features, tuning, limits, memoryBytes }: RemoteGpu): DeviceInfo {
  const { maxStorageBufferBindingSize } = limits;
  return { adapter, features, tuning: tuning.id, maxStorageBufferBindingSize, memoryBytes };
}

async function openModel(
  client: WorkerClient,
  gpu: RemoteGpu,
  config: Parameters<Engine["open"]>[0],
  { signal, onProgress, recordAs, dtype, weights }: OpenOptions = {},
): Promise<OpenModel> {
  const manager = await client.open(config, {
    gpu,
    signal,
    dtype,
    weights,
    onProgress: ({ component, file, ...bytes }) =>
      onProgress?.(
        component === undefined
          ? { stage: "download", file, ...bytes }
          : { stage: "weights", file: component, ...bytes },
      ),
  });
  const onCompiled = ({ compiledKernels: compiled, totalKernels: total }: WarmupProgress): void => {
    onProgress?.({ stage: "compile", compiled, total });
  };
  try {
    await Promise.all([manager.load(signal), manager.warmup({ signal, onProgress: onCompiled })]);
  } catch (error) {
    manager.dispose();
    throw error;
  }
  const { prior, decoder, clip } = manager;
  let described: Promise<GeneratedOn> | undefined;
  const generatedOn = (): Promise<GeneratedOn> => {
    described ??= manager.generatedOn({ config: recordAs });
    described.catch(() => {
      described = undefined;
    });
    return described;
  };
  return {
    device: deviceInfo(gpu),
    prior,
    decoder,
    clip,
    dtype: manager.dtype,
    run: async (request, events) => {
      const fitted = await fitInpainting(request, decoder, (image, width, height) =>
        client.resizeLanczos(image, width, height),
      );
      return runRequest(manager, fitted, { ...events, previewEvery: PREVIEW_EVERY });
    },
    encode: async (image, inputs) =>
      png(await client.encodeRecorded(image, { inputs, generatedOn: await generatedOn() })),
    dispose: () => {
      manager.dispose();
    },
  };
}
