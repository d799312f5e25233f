import type { ModelLoadConfig } from "../load-config.js";

/** Guidance of the prior that a load config asks for. */
export function defaultPriorCondScale({ data }: ModelLoadConfig): number {
  return data.prior?.default_cond_scale ?? 1;
}

/** Guidance of each U-Net that a load config asks for, in order. */
export function defaultDecoderCondScale({ data }: ModelLoadConfig): readonly number[] {
  const scales = (data.decoder?.unet_sources ?? []).flatMap(({ unet_numbers: numbers, default_cond_scale: given }) =>
    numbers.map((number, i) => [number, given?.[i] ?? 1] as const),
  );
  return scales.sort(([a], [b]) => a - b).map(([, scale]) => scale);
}
