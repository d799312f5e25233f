// The methods of a worker.
import type { GpuDevice } from "../../gpu/device.js";
import type { InferenceScript } from "../../pipeline/inference-script.js";
import type { DalleModelManager, DescribeOptions } from "../../pipeline/manager/model-manager.js";
import type { WarmupOptions } from "../../pipeline/manager/warmup.js";
import { ArgumentError } from "../../platform/arguments.js";
import { tuneGpu, type TuneOptions } from "../../tuning/tune.js";
import type { ScriptClasses } from "../scripts.js";
import { LIBRARY } from "./library.js";
import type { OpenedObjects } from "./opened.js";

interface SignalOption {
  readonly signal?: AbortSignal;
}

/** Methods of a device. Their types are those of `RemoteGpu`. */
export const GPU = {
  memory: (gpu: GpuDevice) => gpu.memory(),
  counters: (gpu: GpuDevice) => gpu.counters,
  kernelTimes: (gpu: GpuDevice) => gpu.kernelTimes(),
  resetPeaks: (gpu: GpuDevice) => {
    gpu.resetPeaks();
  },
  trim: (gpu: GpuDevice) => {
    gpu.trim();
  },
  tune: (gpu: GpuDevice, options: TuneOptions) => tuneGpu(gpu, options),
};

/** Methods of a model manager. Their types are those of `RemoteManager`. */
export const MANAGER = {
  warmup: (manager: DalleModelManager, options?: WarmupOptions) => manager.warmup(options),
  load: (manager: DalleModelManager, { signal }: SignalOption, except?: readonly string[]) =>
    manager.load(signal, except),
  loadEachComponent: (manager: DalleModelManager, { signal }: SignalOption) => manager.loadEachComponent(signal),
  generatedOn: (manager: DalleModelManager, options: DescribeOptions) => manager.generatedOn(options),
  offload: (manager: DalleModelManager) => manager.offload,
  offloadIdle: (manager: DalleModelManager) => {
    manager.offloadIdle();
  },
};

type Method = (...args: readonly unknown[]) => unknown;

/** The methods by name, as messages call them. */
export function workerMethods(objects: OpenedObjects, scripts: ScriptClasses): Readonly<Record<string, Method>> {
  const methods = {
    openGpu: objects.openGpu.bind(objects),
    openManager: objects.openManager.bind(objects),
    close: objects.close.bind(objects),
    gpu: (handle: number, name: string, ...args: readonly unknown[]) =>
      methodOf(GPU, name)(objects.gpu(handle), ...args),
    manager: (handle: number, name: string, ...args: readonly unknown[]) =>
      methodOf(MANAGER, name)(objects.manager(handle), ...args),
    script: (handle: number, name: string, options: object | undefined, method: string, ...args: readonly unknown[]) =>
      scriptMethod(new (classOf(scripts, name))(objects.manager(handle), options), method)(...args),
    library: (name: string, ...args: readonly unknown[]) => methodOf(LIBRARY, name)(...args),
  };
  return methods as unknown as Record<string, Method>;
}

function methodOf(methods: object, name: string): Method {
  if (Object.hasOwn(methods, name)) return (methods as Record<string, Method>)[name]!;
  return unknownName("method", name, Object.keys(methods));
}

function classOf(scripts: ScriptClasses, name: string): ScriptClasses[string] {
  if (Object.hasOwn(scripts, name)) return scripts[name]!;
  return unknownName("script", name, Object.keys(scripts));
}

/** Names that are no methods for the page. */
const HIDDEN = ["constructor", "dispose"];

function scriptMethod(script: InferenceScript, name: string): Method {
  const method = (script as unknown as Record<string, unknown>)[name];
  if (typeof method === "function" && !HIDDEN.includes(name)) return method.bind(script) as Method;
  return unknownName("method", name, Object.getOwnPropertyNames(Object.getPrototypeOf(script)));
}

function unknownName(what: string, name: string, known: readonly string[]): never {
  const names = known.filter((one) => !HIDDEN.includes(one)).join(", ");
  throw new ArgumentError(what, `${what} is ${JSON.stringify(name)}, but must be one of ${names}.`);
}
