/** Compares two ways to generate images of the Shapes model by pairs: images of the same prompt from the same noise. */

/** One image, and whether it shows its prompt. */
export interface Judged {
  /** The way that it was generated. */
  readonly arm: string;
  /** Number of its prompt. */
  readonly prompt: number;
  readonly seed: number;
  readonly right: boolean;
}

const Z95 = 1.96;
const RESAMPLES = 10_000;

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

const percent = (value: number): string => `${(100 * value).toFixed(2)} %`;

/** Returns, for each prompt with pairs, the differences after - before of the seeds that both arms have. */
function differences(results: readonly Judged[], before: string, after: string): number[][] {
  const key = ({ arm, prompt, seed }: Omit<Judged, "right">) => `${arm} ${prompt} ${seed}`;
  const right = new Map(results.map((result) => [key(result), Number(result.right)]));
  const byPrompt = new Map<number, number[]>();
  for (const { prompt, seed } of results.filter(({ arm }) => arm === after)) {
    const [a, b] = [before, after].map((arm) => right.get(key({ arm, prompt, seed })));
    if (a !== undefined && b !== undefined) byPrompt.set(prompt, [...(byPrompt.get(prompt) ?? []), b - a]);
  }
  return [...byPrompt.values()];
}

/** Returns the 95 % interval of the mean. It resamples prompts, not images, because images of one prompt are similar. */
function bootstrap(byPrompt: readonly (readonly number[])[]): readonly [number, number] {
  let state = 1;
  const random = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const means = Array.from({ length: RESAMPLES }, () =>
    mean(byPrompt.flatMap(() => byPrompt[Math.floor(random() * byPrompt.length)]!)),
  ).sort((a, b) => a - b);
  return [means[Math.floor(0.025 * RESAMPLES)]!, means[Math.ceil(0.975 * RESAMPLES) - 1]!];
}

/** Formats how often the images of an arm are right. */
export function shareRight(results: readonly Judged[], arm: string): string {
  const of = results.filter((result) => result.arm === arm);
  const right = of.filter((one) => one.right).length;
  return `${arm}: ${right} right of ${of.length} images, ${percent(right / of.length)}`;
}

/** Formats the difference of two arms with its 95 % interval, by pairs and by prompts. */
export function comparePairs(results: readonly Judged[], before: string, after: string): string[] {
  const byPrompt = differences(results, before, after);
  const all = byPrompt.flat();
  if (all.length < 2) return ["Fewer than two pairs so far."];
  const difference = mean(all);
  const spread = Math.sqrt(mean(all.map((value) => (value - difference) ** 2)) / (all.length - 1));
  const [low, high] = bootstrap(byPrompt);
  const count = (sign: number): number => all.filter((value) => value === sign).length;
  return [
    `${all.length} pairs of ${byPrompt.length} prompts: ${count(1)} right only by ${after}, ${count(-1)} only by ${before}`,
    `difference ${percent(difference)}; 95 % by pairs ${percent(difference - Z95 * spread)} to ${percent(difference + Z95 * spread)}, by prompts ${percent(low)} to ${percent(high)}`,
  ];
}
