import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ComparedRow, Compared } from "../groups/compare.js";
import { computeTime } from "../groups/compare.js";
import type { DriversRow } from "../groups/drivers.js";
import type { PeakRow } from "../groups/peaks.js";
import type { ProgramsRow } from "../groups/programs.js";
import type { ScalingRow } from "../groups/scaling.js";
import type { ServerRow } from "../groups/server.js";
import type { GroupResult } from "../lib/results.js";
import type { TorchRow } from "./torch.js";

/** The results of one adapter. */
export interface AdapterResults {
  readonly label: string;
  readonly ops?: GroupResult<ComparedRow | PeakRow>;
  readonly steps?: GroupResult<ComparedRow>;
  readonly start?: GroupResult<ProgramsRow>;
  readonly scaling?: GroupResult<ScalingRow>;
  readonly runtimes?: GroupResult<ProgramsRow>;
  readonly server?: GroupResult<ServerRow>;
  readonly drivers?: GroupResult<DriversRow>;
}

/** What `python/torch_operations.py` wrote. */
export interface TorchResults {
  readonly label: string;
  readonly device: string;
  readonly torch: string;
  readonly date: string;
  readonly rows: readonly TorchRow[];
}

export interface AllResults {
  readonly adapters: readonly AdapterResults[];
  readonly torch: readonly TorchResults[];
}

export function readResults(folder: string): AllResults {
  const files = readdirSync(folder).filter((name) => name.endsWith(".json"));
  const contents = files
    .sort()
    .map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as { group: string; label: string });
  const adapters = new Map<string, AdapterResults>();
  for (const one of contents.filter(({ group }) => group !== "torch")) {
    adapters.set(one.label, { ...adapters.get(one.label), label: one.label, [one.group]: one });
  }
  return {
    adapters: [...adapters.values()],
    torch: contents.filter(({ group }) => group === "torch") as unknown as TorchResults[],
  };
}

export const isPeak = (row: ComparedRow | PeakRow): row is PeakRow => "multiplyAdd" in row;
export const isCompared = (row: ComparedRow | PeakRow): row is ComparedRow => !isPeak(row);

export const OURS = "dalle2-webgpu f32";
export const OURS_F16 = "dalle2-webgpu f16";

export function contenderOf({ contenders }: ComparedRow, name: string): Compared | undefined {
  return contenders.find(({ contender }) => contender === name);
}

/** The fastest right form of a peer, such as onnxruntime with one of its layouts. */
export function bestOf({ contenders }: ComparedRow, peer: string): Compared | undefined {
  const forms = contenders.filter(
    ({ contender, isRight, timing }) =>
      isRight && timing !== null && contender.startsWith(peer) && !contender.endsWith("CPU provider"),
  );
  return forms.sort((a, b) => computeTime(a) - computeTime(b))[0];
}

/** How much longer another takes than our f32: by processor time of the computation, and by wall time. */
export interface Ratio {
  readonly cpu: number;
  readonly wall: number;
}

export function ratioTo(row: ComparedRow, other: Compared | undefined, ours = OURS): Ratio | undefined {
  const base = contenderOf(row, ours);
  if (!base?.timing || !base.isRight || !other?.timing || !other.isRight) return undefined;
  return { cpu: computeTime(other) / computeTime(base), wall: other.timing.wall / base.timing.wall };
}

export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}
