import { inTurns, type Program, type ProgramResult } from "../lib/child.js";
import { load } from "../lib/results.js";

/** Programs that did the same, from start to end. */
export interface ProgramsRow {
  readonly name: string;
  readonly kind: "programs";
  readonly load: number;
  readonly programs: readonly ProgramResult[];
}

export async function comparePrograms(
  name: string,
  programs: readonly Program[],
  options: { readonly rounds: number; readonly isCold: boolean },
): Promise<ProgramsRow> {
  const before = load();
  const results = await inTurns(programs, options);
  const [base] = results;
  console.log(`\n${name}  (load ${load().toFixed(1)})`);
  for (const { contender, wall, cpu } of results) {
    const ratios = `×${(wall / base!.wall).toFixed(2)} wall, ×${(cpu / base!.cpu).toFixed(2)} cpu`;
    console.log(`  ${contender.padEnd(32)} wall ${wall.toFixed(2)} s  cpu ${cpu.toFixed(2)} s  ${ratios}`);
  }
  return { name, kind: "programs", load: Math.max(before, load()), programs: results };
}
