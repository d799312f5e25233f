import { describe, expect, it } from "vitest";
import { decoderTimeGrid, priorTimeGrid } from "../../../src/models/dalle2-pytorch/time-grid.js";

describe("time grids", () => {
  const times = (grid: { timestep: number; next: number }[]) => [
    ...grid.map(({ timestep }) => timestep),
    grid.at(-1)!.next,
  ];

  it("of the decoder: as many evaluations as steps, the last step ends at 0", () => {
    const grid = decoderTimeGrid(1000, 64, "descending");
    expect(grid).toHaveLength(64);
    expect(times(grid).slice(0, 3)).toEqual([984, 969, 953]);
    expect(times(grid).slice(-3)).toEqual([30, 15, 0]);
  });

  it("of the prior: one evaluation less, the last gives the clean sample", () => {
    const grid = priorTimeGrid(1000, 64, "toMinusOne");
    expect(grid).toHaveLength(63);
    expect(times(grid).slice(0, 2)).toEqual([984, 968]);
    expect(times(grid).slice(-2)).toEqual([14, -1]);
  });

  it("of older priors: the decoder's", () => {
    expect(priorTimeGrid(1000, 64, "asDecoder")).toEqual(decoderTimeGrid(1000, 64, "allPairs"));
  });

  it("hits integers in spite of float32 steps", () => {
    expect(times(decoderTimeGrid(1000, 64, "descending")).filter((t) => t % 200 === 0)).toEqual([
      800, 600, 400, 200, 0,
    ]);
    expect(times(decoderTimeGrid(1000, 9, "descending"))).toEqual([900, 800, 700, 600, 500, 400, 300, 200, 100, 0]);
  });

  it("leaves out steps that stay at their time, except in the versions that took them", () => {
    // 7 steps of 7: points 7/8 apart; the first two are 0.
    expect(times(decoderTimeGrid(7, 7, "descending"))).toEqual([6, 5, 4, 3, 2, 1, 0]);
    expect(times(decoderTimeGrid(7, 7, "allPairs"))).toEqual([6, 5, 4, 3, 2, 1, 0, 0]);
  });
});
