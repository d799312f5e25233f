import type { Checkpoint } from "../../weights/checkpoint.js";
import type { FamilyReport } from "../family.js";
import { detectDialect, type DetectedDialect } from "./dialect/detect-dialect.js";
import { compareVersions } from "./dialect/dialect.js";

/** From this version on, dialects are compared with outputs of the reference; older ones follow its history as read. */
const VERIFIED_SINCE = "0.11.0";

/** How a checkpoint is read. Throws `DialectError` for a version that is too old, or is none. */
export function inspect(checkpoint: Checkpoint): FamilyReport {
  // As written: what the file's version did, not what we would do today.
  const { component, warnings, ...detected } = detectDialect(checkpoint, { sampler: "as-written" });
  // Whether this dialect was compared with outputs of the version that it belongs to.
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
    assumed.length > 0 ? "in part assumed" : "",
    verified ? "" : "unverified: no output of so old a version was compared",
  ].filter((note) => note !== "");
  return { title: [`Dialect of ${dialect.version}`, ...notes].join(", "), rows };
}

/** The dialect, for readers other than this library, which detects it from the rest. */
export function convertedMetadata(checkpoint: Checkpoint): Readonly<Record<string, string>> {
  const { component, dialect, assumed } = detectDialect(checkpoint, { sampler: "as-written" });
  return { dialect: JSON.stringify({ component, ...dialect, assumed }) };
}
