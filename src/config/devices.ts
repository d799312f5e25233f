import { z } from "zod";

/** Device names of torch, with an index where there are several; `gpu` is ours. */
const DEVICE = /^(cpu|gpu|cuda|mps|xpu|hip|vulkan)(:\d+)?$/;

export const device = z
  .string()
  .regex(DEVICE, { error: 'expected the name of a device, such as "cuda:0", "cuda", "mps", "gpu" or "cpu"' });

/** Which adapter WebGPU is asked for. */
export interface AdapterChoice {
  /** The kind of adapter to take where there are both. */
  readonly prefer: "gpu" | "software";
  /** What of the devices cannot be had. */
  readonly warning: string | undefined;
}

/** The adapter that stands for the `devices` of a load config: of a list the first counts, as in dalle2-laion's loader. */
export function adapterChoice(devices: string | readonly string[]): AdapterChoice {
  const names = typeof devices === "string" ? [devices] : devices;
  const [first = "gpu"] = names;
  const [, kind, index] = DEVICE.exec(first) ?? [];
  const limits = [
    names.length > 1 ? `models run on one device, ${first}, and not on ${names.slice(1).join(", ")}` : undefined,
    index !== undefined && index !== ":0"
      ? `WebGPU cannot choose among GPUs by number, so ${first} is the GPU that it prefers`
      : undefined,
  ].filter((limit) => limit !== undefined);
  return {
    prefer: kind === "cpu" ? "software" : "gpu",
    warning: limits.length > 0 ? `devices: ${limits.join("; ")}.` : undefined,
  };
}
