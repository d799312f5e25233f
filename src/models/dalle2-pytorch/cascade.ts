import { ConfigError } from "../../config/config-error.js";
import type { UnetSampler } from "./unet-sampler.js";

/** A U-Net of a decoder whose U-Nets come from several checkpoints. */
export interface CascadePart {
  readonly sampler: Pick<UnetSampler, "decoder" | "index" | "stage">;
  /** Where it comes from: its path in the load config, and its file. */
  readonly origin: string;
}

/**
 * Checks that each U-Net after the first was trained to enlarge images of the size that the previous one generates. Throws
 * one `ConfigError` that names all that do not; `config` is the load config's name.
 */
export function checkImageSizes(parts: readonly CascadePart[], config: string): void {
  const problems: string[] = [];
  for (const [i, { sampler, origin }] of parts.entries()) {
    if (i === 0) continue;
    const before = parts[i - 1]!;
    const made = before.sampler.stage.imageSize;
    const expected = sampler.decoder.stages[sampler.index - 1]!.imageSize;
    if (made === expected) continue;
    problems.push(
      `U-Net ${i + 1} (${origin}) was trained to enlarge images of ${expected} pixels, but U-Net ${i} (${before.origin}) generates images of ${made}`,
    );
  }
  if (problems.length === 0) return;
  throw new ConfigError(`${config} combines U-Nets that were not trained for each other:\n  ${problems.join("\n  ")}`);
}
