import * as z from "zod/mini";

/** Device names of torch, with an index if there are several; only `gpu` is our own. */
const DEVICE = /^(cpu|gpu|cuda|mps|xpu|hip|vulkan)(:\d+)?$/;

export const device = z
  .string()
  .check(z.regex(DEVICE, { error: 'expected a device name, such as "cuda:0", "cuda", "mps", "gpu" or "cpu"' }));

/** Which adapter to ask WebGPU for. */
export interface AdapterChoice {
  /** The kind of adapter to use if there are both. */
  readonly prefer: "gpu" | "software";
  /** What of the devices is not available. */
  readonly warning: string | undefined;
}

/** The adapter for the `devices` of a load config. Of a list the first counts, as in dalle2-laion's loader. */
export function adapterChoice(devices: string | readonly string[]): AdapterChoice {
  const names = typeof devices === "string" ? [devices] : devices;
  const [first = "gpu"] = names;
  const [, kind, index] = DEVICE.exec(first) ?? [];
  const limits = [
    names.length > 1 ? `models run only on one device, ${first}, not on ${names.slice(1).join(", ")}` : undefined,
    index !== undefined && index !== ":0"
      ? `WebGPU cannot choose a GPU by number, so ${first} is its default GPU`
      : undefined,
  ].filter((limit) => limit !== undefined);
  return {
    prefer: kind === "cpu" ? "software" : "gpu",
    warning: limits.length > 0 ? `devices: ${limits.join("; ")}.` : undefined,
  };
}
