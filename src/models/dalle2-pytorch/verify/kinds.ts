import type { Runner } from "../../../fixture/runner.js";
import { verifyClip } from "./clip.js";
import { verifyDecoderSample } from "./decoder-sample.js";
import { verifyPriorNet } from "./prior-net.js";
import { verifyPriorSample } from "./prior-sample.js";
import { referenceDialect, type DialectRunner } from "./reference-dialect.js";
import { verifySchedules } from "./schedules.js";
import { verifyUnet } from "./unet.js";

/** The runners of fixtures that a version of DALLE2-pytorch computed. CLIPs are used through its adapters. */
export const DIALECT_RUNNERS: ReadonlyMap<string, DialectRunner> = new Map<string, DialectRunner>([
  ["clip", verifyClip],
  ["decoder-sample", verifyDecoderSample],
  ["prior-net", verifyPriorNet],
  ["prior-sample", verifyPriorSample],
  ["unet", verifyUnet],
]);

/** The runner of each kind of fixture of this family. */
export const RUNNERS: ReadonlyMap<string, Runner> = new Map<string, Runner>([
  ...[...DIALECT_RUNNERS].map(([kind, run]): [string, Runner] => [
    kind,
    async (fixture, openArena) => run(fixture, openArena, referenceDialect(fixture)),
  ]),
  ["schedules", verifySchedules],
]);
