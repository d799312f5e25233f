import { InternalError } from "../platform/internal-error.js";
import { ShaderStage } from "./constants.js";
import { ShaderError } from "./errors.js";
import { reportErrors } from "./shader-messages.js";
import { alternatives, kernels } from "./kernel-sources.js";
import { loadFiles } from "./later-kernels.js";
import {
  specialise,
  withChoices,
  type AliasName,
  type ChoicesOf,
  type ConstantName,
  type KernelFiles,
  type KernelName,
  type KernelSource,
  type OverrideName,
  type StorageType,
} from "./kernel-source.js";

/** The choices that make one pipeline of a kernel. */
export interface Variant<K extends KernelName = KernelName> {
  readonly types?: Partial<Record<AliasName<K>, StorageType>> | undefined;
  readonly constants?: Partial<Record<ConstantName<K>, number>> | undefined;
  readonly overrides?: Partial<Record<OverrideName<K>, number | boolean>> | undefined;
  readonly choices?: Partial<ChoicesOf<K>> | undefined;
}

export interface Pipeline {
  readonly key: string;
  readonly source: KernelSource;
  readonly layout: GPUBindGroupLayout;
  /** Ready for encoding; undefined while it compiles. */
  pipeline: GPUComputePipeline | undefined;
  /** The error, if it did not compile. */
  failure: ShaderError | undefined;
  /** Set until it is known whether it compiles. Resolves to the error, if any. */
  check: Promise<ShaderError | undefined> | undefined;
}

/** Compiles each variant of each kernel once per device. */
export class PipelineCache {
  readonly #entries = new Map<string, Pipeline>();
  readonly #layouts = new Map<KernelName, { bindGroup: GPUBindGroupLayout; pipeline: GPUPipelineLayout }>();
  readonly #modules = new Map<string, GPUShaderModule>();
  readonly #preparing = new Map<string, Promise<void>>();

  constructor(private readonly device: GPUDevice) {}

  /**
   * Returns the variant; compiles it synchronously if it is new. Throws `ShaderError` if it is known not to compile. If
   * that is not known yet, the user of the pipeline must wait for its `check`.
   */
  get(kernel: KernelName, variant: Variant): Pipeline {
    const entry = this.#entry(kernel, variant);
    if (entry.failure) throw entry.failure;
    if (!entry.pipeline) this.#compile(entry, kernel, variant);
    return entry;
  }

  #compile(entry: Pipeline, kernel: KernelName, variant: Variant): void {
    // A synchronous compilation reports errors only through error scopes; the lines of the compiler are fetched
    // separately.
    this.device.pushErrorScope("validation");
    const { descriptor, module } = this.#describe(kernel, variant, entry.key);
    entry.pipeline = this.device.createComputePipeline(descriptor);
    const check = this.device.popErrorScope().then(async (error) => {
      if (error)
        entry.failure = (await compileError(kernel, variant, module)) ?? pipelineError(kernel, variant, error.message);
      entry.check = undefined;
      return entry.failure;
    });
    // The streams that use it await it. Until then a lost device must not cause an unhandled rejection.
    check.catch(() => undefined);
    entry.check = check;
  }

  /** Compiles the variant without blocking. Rejects with `ShaderError`. */
  prepare(kernel: KernelName, variant: Variant): Promise<void> {
    const entry = this.#entry(kernel, variant);
    if (entry.failure) return Promise.reject(entry.failure);
    if (entry.pipeline) return entry.check ? entry.check.then(throwIfAny) : Promise.resolve();
    const running = this.#preparing.get(entry.key);
    if (running) return running;
    const job = this.#prepare(entry, kernel, variant).finally(() => this.#preparing.delete(entry.key));
    this.#preparing.set(entry.key, job);
    return job;
  }

  async #prepare(entry: Pipeline, kernel: KernelName, variant: Variant): Promise<void> {
    // The promise reports the error; this scope keeps it from the scopes of others.
    this.device.pushErrorScope("validation");
    const { descriptor, module } = this.#describe(kernel, variant, entry.key);
    const compiling = this.device.createComputePipelineAsync(descriptor);
    this.device.popErrorScope().catch(() => undefined);
    try {
      entry.pipeline = await compiling;
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      entry.failure =
        (await compileError(kernel, variant, module)) ?? pipelineError(kernel, variant, reason, { cause });
      throw entry.failure;
    }
  }

  #entry(kernel: KernelName, variant: Variant): Pipeline {
    const key = variantKey(kernel, variant);
    let entry = this.#entries.get(key);
    if (!entry) {
      entry = {
        key,
        source: kernels[kernel],
        layout: this.#layout(kernel).bindGroup,
        pipeline: undefined,
        failure: undefined,
        check: undefined,
      };
      this.#entries.set(key, entry);
    }
    return entry;
  }

  #describe(kernel: KernelName, variant: Variant, key: string) {
    const module = this.#module(kernel, variant);
    const constants: Record<string, number> = {};
    for (const [name, value] of Object.entries<number | boolean | undefined>(variant.overrides ?? {})) {
      if (value !== undefined) constants[name] = Number(value);
    }
    const descriptor: GPUComputePipelineDescriptor = {
      label: key,
      layout: this.#layout(kernel).pipeline,
      compute: { module, entryPoint: "main", constants },
    };
    return { descriptor, module };
  }

  #module(kernel: KernelName, variant: Variant): GPUShaderModule {
    const key = variantKey(kernel, { ...variant, overrides: undefined });
    let module = this.#modules.get(key);
    if (!module) {
      module = this.device.createShaderModule({ label: key, code: wgslOf(kernel, variant) });
      this.#modules.set(key, module);
    }
    return module;
  }

  /** Layouts are explicit, so that a bind group fits all variants and never waits for a compilation. */
  #layout(kernel: KernelName) {
    let layout = this.#layouts.get(kernel);
    if (!layout) {
      const source: KernelSource = kernels[kernel];
      const entries: GPUBindGroupLayoutEntry[] = source.bindings.map(({ access }, binding) => ({
        binding,
        visibility: ShaderStage.COMPUTE,
        buffer: { type: access === "read" ? "read-only-storage" : "storage" },
      }));
      if (source.params.length > 0) {
        entries.push({
          binding: entries.length,
          visibility: ShaderStage.COMPUTE,
          buffer: { type: "uniform", minBindingSize: source.params.length * 4 },
        });
      }
      const bindGroup = this.device.createBindGroupLayout({ label: kernel, entries });
      layout = {
        bindGroup,
        pipeline: this.device.createPipelineLayout({ label: kernel, bindGroupLayouts: [bindGroup] }),
      };
      this.#layouts.set(kernel, layout);
    }
    return layout;
  }
}

/** A readable key, equal exactly when kernel and choices are equal. */
export function variantKey(kernel: KernelName, variant: Variant): string {
  const parts: string[] = [kernel];
  for (const choices of [variant.types, variant.constants, variant.choices, variant.overrides]) {
    const named = Object.entries<string | number | boolean | undefined>(choices ?? {});
    for (const [name, value] of named.sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (value !== undefined) parts.push(`${name}=${value}`);
    }
  }
  return parts.join(" ");
}

function throwIfAny(failure: ShaderError | undefined): void {
  if (failure) throw failure;
}

function wgslOf(kernel: KernelName, { types, constants, choices }: Variant): string {
  const { code, later = "" }: KernelSource = kernels[kernel];
  if (code === "") throw new InternalError(`The kernel ${kernel} is not loaded: call loadKernels("${later}") before.`);
  const source = withChoices<KernelSource>(kernels[kernel], choices ?? {}, alternatives);
  return specialise(source, { types: types ?? {}, constants: constants ?? {} });
}

/** Returns the error of the compiler for a variant; undefined if there is none. */
async function compileError(
  kernel: KernelName,
  variant: Variant,
  module: GPUShaderModule,
): Promise<ShaderError | undefined> {
  const { messages } = await module.getCompilationInfo();
  const found = { ...kernels[kernel], files: await loadFiles(kernel) };
  const source = withChoices<KernelSource & KernelFiles>(found, variant.choices ?? {}, alternatives);
  const report = reportErrors(source, wgslOf(kernel, variant), [...messages]);
  if (!report) return undefined;
  return new ShaderError(`Kernel ${variantKey(kernel, variant)} does not compile:\n${report.text}`, {
    place: { operation: kernel, file: report.file },
  });
}

/** Returns the error of a variant whose WGSL compiles, but whose pipeline cannot be created. */
function pipelineError(kernel: KernelName, variant: Variant, reason: string, options?: ErrorOptions): ShaderError {
  return new ShaderError(`${variantKey(kernel, variant)}: ${reason}`, { ...options, place: { operation: kernel } });
}
