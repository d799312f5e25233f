// One minute of fuzzing, always with the same inputs. `npm run fuzz` uses others, for any time.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundleWorker, type WorkerBundle } from "./runner/bundle.js";
import { runTarget } from "./runner/supervise.js";
import { TARGET_NAMES } from "./targets/index.js";

const SEED = 1;
/** CPU time of all targets together. */
const SECONDS = 60;

let bundle: WorkerBundle;
beforeAll(async () => {
  bundle = await bundleWorker();
});
afterAll(() => bundle[Symbol.asyncDispose]());

describe("what others wrote is accepted or refused in words, soon, and in little memory", () => {
  it.each(TARGET_NAMES)("%s", { timeout: 600_000 }, async (target) => {
    const seconds = SECONDS / TARGET_NAMES.length;
    const { findings, outcomes, inputs } = await runTarget({ script: bundle.script, target, seed: SEED, seconds });
    const lines = findings.map(
      ({ number, fault }) =>
        `npm run fuzz -- ${target} --seed ${SEED} --only ${number}\n${fault.kind}: ${fault.detail}`,
    );
    expect(lines).toEqual([]);
    expect(inputs).toBeGreaterThan(100);
    // Inputs that are all refused, or all accepted, test little.
    expect(outcomes.get("accepted")).toBeGreaterThan(0);
    expect([...outcomes.values()].reduce((sum, count) => sum + count, 0)).toBe(inputs);
  });
});
