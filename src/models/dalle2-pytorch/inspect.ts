import type { Checkpoint } from "../../weights/checkpoint.js";
import type { FamilyReport } from "../family.js";
import { detectDialect, type DetectedDialect } from "./dialect/detect-dialect.js";
import { compareVersions } from "./dialect/dialect.js";

/** Dialects since this version were compared with outputs of the reference. Older ones follow the history of its code. */
const VERIFIED_SINCE = "0.11.0";

/** How a checkpoint is read. Throws `DialectError` for an invalid version, or one that is too old. */
export function inspect(checkpoint: Checkpoint): FamilyReport {
  // As written: what the file's version did, not what we would do today.
  const { component, warnings, ...detected } = detectDialect(checkpoint, { sampler: "as-written" });
  // True if this dialect was compared with outputs of its version.
  const verified = component === "clip" || compareVersions(detected.dialect.version, VERIFIED_SINCE) >= 0;
  return { component, dialect: { ...detected, verified }, sections: [section(detected, verified)], warnings };
}

function section(
  { dialect, evidence, assumed }: Pick<DetectedDialect, "dialect" | "evidence" | "assumed">,
  verified: boolean,
): FamilyReport["sections"][number] {
  const rows = Object.entries(evidence).map(([flag, { value, source, detail }]) => [
    flag,
    String(value),
    assumed.some((name) => name === flag) ? "assumed" : source,
    detail,
  ]);
  const notes = [
    assumed.length > 0 ? "partly assumed" : "",
    verified ? "" : "unverified: versions as old as this were not compared with the reference",
  ].filter((note) => note !== "");
  return { title: [`Dialect of ${dialect.version}`, ...notes].join(", "), rows };
}

/** The dialect, for other readers. This library detects it from the other data. */
export function convertedMetadata(checkpoint: Checkpoint): Readonly<Record<string, string>> {
  const { component, dialect, assumed } = detectDialect(checkpoint, { sampler: "as-written" });
  return { dialect: JSON.stringify({ component, ...dialect, assumed }) };
}
