// A program that uses the package: its exports exist and have the expected types.
import * as all from "dalle2-webgpu";
import {
  BasicInference,
  CONFIG_NAMES,
  DalleModelManager,
  DataRequirements,
  DialectError,
  InferenceScript,
  ModelLoadConfig,
  openGpu,
  type ClipInfo,
  type DataGiven,
  type DecoderInfo,
  type Embedding,
  type GeneratedImage,
  type GpuLimits,
  type ManagerOptions,
  type ScriptOptions,
  type StageInfo,
  type WebGpuDevice,
} from "dalle2-webgpu";
import { localScripts, requestSize, runRequest, type ImageRequest } from "dalle2-webgpu/requests";

export async function runAsked(manager: DalleModelManager, request: ImageRequest): Promise<boolean> {
  const images = await runRequest(localScripts(manager), request, { onWarning: console.warn });
  return images.length === requestSize(request);
}

export class Styled extends InferenceScript {
  constructor(
    manager: DalleModelManager,
    options: ScriptOptions,
    readonly style: string,
  ) {
    super(manager, options);
  }

  async run(text: string): Promise<GeneratedImage> {
    const embeddings: Map<number, Embedding[]> = await this.samplePrior([`${text}, ${this.style}`], { condScale: 1 });
    const images = await this.sampleDecoder({ imageEmbed: [embeddings.get(0)![0]!], steps: [8, null], seed: 1 });
    return images.get(0)![0]!;
  }
}

export async function use(options: ManagerOptions): Promise<readonly string[]> {
  using gpu = await openGpu();
  const device: WebGpuDevice = gpu.device;
  const limits: GpuLimits = gpu.limits;
  using manager = await DalleModelManager.create(await ModelLoadConfig.named("gradio"), { ...options, gpu });
  const decoder: DecoderInfo | undefined = manager.decoder;
  const unets: readonly StageInfo[] = decoder?.unets ?? [];
  const clip: ClipInfo | undefined = manager.clip;
  const given: DataGiven = { imageEmbedding: true, imageSize: clip?.imageSize };
  const requirements: DataRequirements = DataRequirements.ofDecoder(unets, 1, clip !== undefined);
  using script = await Styled.create("shapes", { dtype: "f32" }, "oil");
  await new BasicInference(manager).run("a red circle", { priorCondScale: 2, decoderSteps: [24, 12] });
  const failed = await device.lost;
  const isOurs = (error: unknown): boolean => error instanceof DialectError;
  return [
    ...requirements.problems(given),
    ...CONFIG_NAMES,
    ...Object.keys(all),
    failed.reason,
    script.style,
    String(limits.maxBufferSize),
    String(isOurs(failed)),
  ];
}
