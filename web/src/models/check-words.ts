// What the page says of a model before it is opened.
import { adapterName, type CacheEntry, type MemoryPlan, type StorageState } from "dalle2-webgpu";
import type { DeviceInfo } from "../engine/engine.js";
import { sayBytes } from "../parts/amounts.js";
import type { DownloadPlan } from "./download-plan.js";

/** A statement about a model on this computer. */
export interface Finding {
  readonly state: "good" | "unknown" | "problem";
  readonly text: string;
}

/** Says whether the memory of the GPU is enough. */
export function sayMemory({ loadedBytes, offloadBytes, dtype, weights }: MemoryPlan, device: DeviceInfo): Finding {
  const how = weights === "int8" ? `${dtype} with int8 weights` : dtype;
  const needs = `Needs ${sayBytes(loadedBytes)} of GPU memory in ${how}, or ${sayBytes(offloadBytes)} with one network at a time, which is slower.`;
  const { memoryBytes } = device;
  if (device.adapter.isSoftware) {
    return { state: "unknown", text: `${needs} It takes the main memory, because there is no GPU.` };
  }
  if (memoryBytes === undefined) {
    return { state: "unknown", text: `${needs} Browsers do not say how much this GPU has.` };
  }
  const has = `This GPU has ${sayBytes(memoryBytes)}`;
  if (offloadBytes > memoryBytes) {
    const advice =
      weights === "int8" ? "Choose a smaller model." : "Choose int8 weights in Settings, or a smaller model.";
    return { state: "problem", text: `${needs} ${has}: too little. ${advice}` };
  }
  const fits = loadedBytes <= memoryBytes * 0.75 ? "enough" : "enough for one network at a time";
  return { state: "good", text: `${needs} ${has}: ${fits}.` };
}

/** Says what the adapter cannot do at once. */
export function sayLimits({ adapter, features, maxStorageBufferBindingSize }: DeviceInfo): Finding {
  const pieces = `It binds up to ${sayBytes(maxStorageBufferBindingSize)} at once; larger tensors are computed in parts.`;
  if (adapter.isSoftware) {
    const name = adapterName(adapter) || "a software adapter";
    return {
      state: "unknown",
      text: `This browser computes on the processor (${name}): large models take long. ${pieces}`,
    };
  }
  const f16 = features.f16 ? "The GPU has f16." : "The GPU has no f16: models take twice the memory.";
  return { state: features.f16 ? "good" : "unknown", text: `${f16} ${pieces}` };
}

/** Says whether the downloads fit into the storage of the browser. `cached` are those that are there. */
export function sayStorage(plan: DownloadPlan, storage: StorageState, cached: readonly CacheEntry[]): Finding {
  const missing = missingBytes(plan, cached);
  if (missing === 0 && plan.isComplete)
    return { state: "good", text: "Everything is downloaded. It opens without a network." };
  const size =
    missing === 0
      ? "How much it downloads is not known."
      : `${plan.isComplete ? "Downloads" : "Downloads at least"} ${sayBytes(missing)}.`;
  const { freeBytes } = storage;
  if (freeBytes === undefined)
    return { state: "unknown", text: `${size} This browser does not say how much it can store.` };
  const free = `This site may store ${sayBytes(freeBytes)} more`;
  if (missing > freeBytes) {
    return {
      state: "problem",
      text: `${size} ${free}: ${sayBytes(missing - freeBytes)} too little. Remove models, or open it from a folder of this computer.`,
    };
  }
  return { state: plan.isComplete ? "good" : "unknown", text: `${size} ${free}.` };
}

/**
 * Bytes that are still to come; 0 if what is missing may come from rounding alone. A planned file whose URL ends with a slash
 * stands for all files below it.
 */
export function missingBytes(
  { files, bytes, toleranceBytes = 0 }: DownloadPlan,
  cached: readonly CacheEntry[],
): number {
  const there = files.reduce((sum, file) => {
    const place = withoutQuery(file.url);
    const found = cached.filter(({ url }) => url === place || (place.endsWith("/") && url?.startsWith(place) === true));
    const present = found.reduce((total, entry) => total + entry.bytes, 0);
    return sum + Math.min(present, file.bytes ?? present);
  }, 0);
  const missing = bytes - there;
  return missing > toleranceBytes ? missing : 0;
}

/** The library keeps URLs without what may be secret. */
function withoutQuery(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}
