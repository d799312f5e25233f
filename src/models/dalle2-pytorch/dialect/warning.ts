import { bands, flagIn, type Epoch } from "./candidates.js";
import { RELEASED } from "./dates.js";
import type { Flag } from "./relevance.js";

/** Ranges of versions as text: "0.21.0 to before 1.10.0". */
export function describeVersions(candidates: readonly Epoch[]): string {
  return bands(candidates, () => "")
    .map(describeSpan)
    .join(", or ");
}

/** A warning that names what was assumed for a checkpoint without a version, the alternatives, and how to choose one. */
export function ambiguityWarning(
  name: string,
  assumed: { readonly version: string; readonly epoch: Epoch; readonly flags: readonly Flag[] },
  candidates: readonly Epoch[],
): string {
  const { version, epoch, flags } = assumed;
  const apart = bands(candidates, (candidate) => listFlags(candidate, flags));
  return [
    `${name} does not say which version of DALLE2-pytorch made it, and its names and shapes fit several. ` +
      `Assuming ${version}: ${listFlags(epoch, flags)}. It can also be`,
    ...apart.map((band) => `  ${describeSpan(band)}${released(band)}: ${listFlags(band, flags)}`),
    'If results look wrong, choose one beside load_model_from: "version": ' +
      `"${apart.at(0)!.since}" for one, or single flags, "dialect": {"${flags[0]}": ${JSON.stringify(flagIn(epoch, flags[0]!))}}.`,
  ].join("\n");
}

function describeSpan({ since, before }: Epoch): string {
  return before === undefined ? `${since} and later` : `${since} to before ${before}`;
}

function listFlags(epoch: Epoch, flags: readonly Flag[]): string {
  return flags.map((flag) => `${flag} ${JSON.stringify(flagIn(epoch, flag))}`).join(", ");
}

function released({ since }: Epoch): string {
  const day = RELEASED[since];
  return day === undefined ? "" : ` (released ${day})`;
}
