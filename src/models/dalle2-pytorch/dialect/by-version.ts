import { agrees } from "./candidates.js";
import {
  clueEvidence,
  describeClues,
  structuralClues,
  type Evidence,
  type DetectionInput,
  type Reading,
} from "./evidence.js";
import { flagsOf, type Flag } from "./relevance.js";
import { dialectForVersion } from "./dialect.js";

/**
 * The dialect of a version that the checkpoint or the user names. If names and shapes belong to another version, they count,
 * and a warning says so: forks kept old version numbers, and such tensors could not run otherwise. A missing name does not
 * contradict a version, because its tensor may be missing.
 */
export function readByVersion(input: DetectionInput, version: string, source: "version" | "override"): Reading {
  const { network, sampler } = dialectForVersion(version, input.mode);
  const values = { ...network, ...sampler };
  const contradictions = structuralClues(input).filter(
    (found) => found.source !== "absence" && !agrees(network, found),
  );
  const evidence = new Map<Flag, Evidence>([
    ...flagsOf(input.component).map(
      (flag) => [flag, { value: values[flag], source, detail: `version ${version}` }] as const,
    ),
    ...clueEvidence(contradictions),
  ]);
  if (contradictions.length === 0) return { version, evidence, assumed: [], warnings: [] };
  const warning = [
    `${input.name} is read as version ${version}, except for names or shapes that belong to other versions:`,
    ...describeClues(contradictions),
    'If the version is wrong, set the correct one as "version" beside load_model_from.',
  ].join("\n");
  return { version, evidence, assumed: [], warnings: [warning] };
}
