import type { SamplerDialect } from "../weights/dialect-flags.js";
import { UnsupportedError } from "../weights/unsupported-error.js";

/**
 * Flags with a value that no sampler here has, and the value that is there. They are bugs of their time: dialects with
 * `sampler: "fixed"` never carry them.
 */
const MENDED: { readonly [Flag in keyof SamplerDialect]?: SamplerDialect[Flag] } = {
  ddimLowresNormalize: "on",
  inpaint: "repaint",
};

/** Throws `UnsupportedError` for a dialect that asks for the sampler bugs of an old version. */
export function requireMended(dialect: SamplerDialect): void {
  for (const flag of Object.keys(MENDED) as (keyof SamplerDialect)[]) {
    const asked = dialect[flag];
    if (asked !== MENDED[flag]) {
      throw new UnsupportedError(`The sampler dialect ${flag} "${asked}" is not built; sampler "fixed" mends it.`);
    }
  }
}
