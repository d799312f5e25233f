import type { DefaultSettings } from "../pipeline/manager/default-settings.js";
import type { ClipInfo, DecoderInfo, PriorInfo } from "../pipeline/manager/model-info.js";
import type { DescribeOptions } from "../pipeline/manager/model-manager.js";
import type { WarmupOptions } from "../pipeline/manager/warmup.js";
import type { Offload } from "../pipeline/manager/offload.js";
import type { GeneratedOn } from "../pipeline/records/image-record.js";
import type { ScriptOptions } from "../pipeline/script-options.js";
import { DataRequirements } from "../pipeline/data-requirements.js";
import type { ComputeType, WeightFormat } from "../tensor/dtype.js";
import type { ConfigDescription, ManagerDescription } from "./descriptions.js";
import type { Handle } from "./handle.js";
import { RemoteGpu } from "./remote-gpu.js";
import type { LibraryScripts, RemoteScript } from "./scripts.js";

/**
 * The models of a load config in a worker, as `DalleModelManager` describes them. If the worker has crashed, or its device was
 * lost, the next call opens the models again. Disposable.
 *
 * @example
 * using manager = await client.open("shapes");
 * const images = await manager.script("BasicInference").run("a red circle on a white background");
 */
export class RemoteManager<Own extends object = LibraryScripts> {
  readonly #handle: Handle<ManagerDescription>;
  /** The device of the models. */
  readonly gpu: RemoteGpu;

  /** @internal */
  constructor(handle: Handle<ManagerDescription>, gpu?: RemoteGpu) {
    this.#handle = handle;
    this.gpu = gpu ?? new RemoteGpu(handle, () => handle.description.gpu);
  }

  /** The load config. */
  get config(): ConfigDescription {
    return this.#handle.description.config;
  }

  /** Description of the prior; undefined if the load config has none. */
  get prior(): PriorInfo | undefined {
    return withRequirements(this.#handle.description.prior);
  }

  /** Description of the decoder; undefined if the load config has none. */
  get decoder(): DecoderInfo | undefined {
    return withRequirements(this.#handle.description.decoder);
  }

  /** Description of CLIP; undefined if the load config has none. */
  get clip(): ClipInfo | undefined {
    return this.#handle.description.clip;
  }

  /** Dtype of weights and activations, except of components that compute in f32. */
  get dtype(): ComputeType {
    return this.#handle.description.dtype;
  }

  /** What weights of linear layers and convolutions are stored in. */
  get weightFormat(): WeightFormat {
    return this.#handle.description.weightFormat;
  }

  /** Settings of the load config for calls that do not give their own. */
  get defaults(): DefaultSettings {
    return this.#handle.description.defaults;
  }

  /**
   * A script of the worker on these models, by the name of its class. Its methods are those of the class, except that
   * functions in `options` and in the options of its methods run in the page.
   *
   * @example
   * const script = manager.script("ImageVariation");
   * const images = await script.run([image], { sampleCount: 4, onProgress, signal });
   */
  script<Name extends keyof (LibraryScripts & Own) & string>(
    name: Name,
    options?: ScriptOptions,
  ): RemoteScript<(LibraryScripts & Own)[Name]> {
    const methodNamed = (_: object, method: string | symbol): unknown =>
      // A promise that resolves to a script would call its `then`.
      typeof method === "symbol" || method === "then"
        ? undefined
        : (...args: readonly unknown[]) => this.#handle.call("script", [name, options, method, ...args]);
    return new Proxy({}, { get: methodNamed }) as RemoteScript<(LibraryScripts & Own)[Name]>;
  }

  /**
   * Compiles the kernels of all models in parallel, so that the first image does not wait for them. `onProgress` is told how many
   * are compiled.
   */
  async warmup(options: WarmupOptions = {}): Promise<void> {
    await this.#call("warmup", options);
  }

  /** Loads all components but those named `except` now, so that no call waits for them. Does nothing with offload "idle". */
  async load(signal?: AbortSignal, except: readonly string[] = []): Promise<void> {
    await this.#call("load", { signal }, except);
  }

  /** Loads each component once, one after the other, to check that all weights can be read. */
  async loadEachComponent(signal?: AbortSignal): Promise<void> {
    await this.#call("loadEachComponent", { signal });
  }

  /** Describes the models and where they run, for records: `WorkerClient.encodeRecorded`. */
  generatedOn(options: DescribeOptions = {}): Promise<GeneratedOn> {
    return this.#call("generatedOn", options) as Promise<GeneratedOn>;
  }

  /** Which components leave the GPU now. It is "idle" once the weights did not fit together. */
  offload(): Promise<Offload> {
    return this.#call("offload") as Promise<Offload>;
  }

  /** Frees the GPU memory of all components that are not in use. They are loaded again when they are needed. */
  async offloadIdle(): Promise<void> {
    await this.#call("offloadIdle");
  }

  #call(name: string, ...args: readonly unknown[]): Promise<unknown> {
    return this.#handle.call("manager", [name, ...args]);
  }

  /** Frees the models and closes their files. Running and later calls reject with `DisposedError`. */
  dispose(): void {
    this.#handle.dispose();
  }

  /** The same as `dispose`, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Clones have no methods: makes the requirements of a description again. */
function withRequirements<Info extends { readonly requirements: DataRequirements }>(info: Info | undefined) {
  if (info === undefined) return undefined;
  const { needs, canGenerateEmbedding } = info.requirements;
  return { ...info, requirements: new DataRequirements(needs, canGenerateEmbedding) };
}
