import { describe, expect, it } from "vitest";
import { ArgumentError } from "../../src/platform/arguments.js";
import { joinSettings, pickSettings, settingsOfEach, withDefaults } from "../../src/diffusion/settings.js";

describe("settings of a cascade", () => {
  it("are one value for all networks, or one for each, of which null is the default", () => {
    expect(settingsOfEach({ condScale: 2, steps: [8, null] }, 2)).toMatchObject([
      { condScale: 2, steps: 8 },
      { condScale: 2, steps: undefined },
    ]);
    expect(settingsOfEach({}, 1)).toMatchObject([{ condScale: undefined, steps: undefined }]);
  });

  it("are not spread over another number of networks", () => {
    const spread = () => settingsOfEach({ condScale: [1, 2, 3] }, 2);
    expect(spread).toThrow(ArgumentError);
    expect(spread).toThrow("condScale has 3 values for 2 U-Nets.");
  });

  it("are joined with a list for each", () => {
    const each = [withDefaults({}, { condScale: 1, steps: 4 }), withDefaults({}, { condScale: 2, steps: 3 })];
    expect(joinSettings(each)).toEqual({ condScale: [1, 2], steps: [4, 3], sampler: undefined });
    expect(joinSettings([each[0]!, { ...each[1]!, sampler: "dpmpp2m" }]).sampler).toEqual([null, "dpmpp2m"]);
  });
});

it("fills in what is not asked for, and nothing else", () => {
  const defaults = { condScale: 2, steps: 24 };
  expect(withDefaults({ condScale: 0 }, defaults)).toMatchObject({ condScale: 0, steps: 24 });
  expect(withDefaults({ steps: 3 }, undefined)).toMatchObject({ condScale: undefined, steps: 3 });
});

it("tells settings from what stands beside them", () => {
  expect(pickSettings({ condScale: 2, steps: 3, text: "a", batchSize: 4 })).toEqual(
    pickSettings({ condScale: 2, steps: 3 }),
  );
});
