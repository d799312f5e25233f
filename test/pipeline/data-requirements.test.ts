import { describe, expect, it } from "vitest";
import { DataRequirements, type DataGiven } from "../../src/pipeline/data-requirements.js";

/** The rules of dalle2-laion's `DataRequirements.is_valid`. */
function isValid(needs: DataRequirements["needs"], canEmbed: boolean, given: DataGiven): boolean {
  const hasImage = given.imageSize !== undefined;
  const isLarge = given.imageSize !== undefined && given.imageSize >= needs.imageSize;
  return (
    (!needs.textEncoding || Boolean(given.textEncoding) || (canEmbed && Boolean(given.text))) &&
    (!needs.imageEmbedding || Boolean(given.imageEmbedding) || (canEmbed && hasImage && isLarge)) &&
    (!needs.image || (hasImage && isLarge))
  );
}

const BOTH = [false, true];

describe("for all combinations of needs and inputs", () => {
  const cases = BOTH.flatMap((imageEmbedding) =>
    BOTH.flatMap((textEncoding) => BOTH.map((image) => ({ imageEmbedding, textEncoding, image, imageSize: 64 }))),
  );
  const offers = BOTH.flatMap((imageEmbedding) =>
    BOTH.flatMap((textEncoding) =>
      BOTH.flatMap((text) =>
        [undefined, 63, 64, 65].map((imageSize): DataGiven => ({ imageEmbedding, textEncoding, text, imageSize })),
      ),
    ),
  );

  it.each(BOTH)("accepts and rejects the same as dalle2-laion (CLIP: %s)", (canEmbed) => {
    let refused = 0;
    for (const needs of cases) {
      for (const given of offers) {
        const problems = new DataRequirements(needs, canEmbed).problems(given);
        expect(problems.length === 0, JSON.stringify({ needs, given, problems })).toBe(isValid(needs, canEmbed, given));
        expect(new Set(problems).size).toBe(problems.length);
        if (problems.length > 0) refused++;
      }
    }
    expect(refused).toBeGreaterThan(0);
    expect(refused).toBeLessThan(cases.length * offers.length);
  });
});

it("says what to pass", () => {
  const needs = { imageEmbedding: true, textEncoding: true, image: false, imageSize: 64 };
  expect(new DataRequirements(needs, true).problems({})).toEqual([
    "It was trained with text: pass text or textEncoding.",
    "It needs an image embedding: pass imageEmbed or images.",
  ]);
  expect(new DataRequirements(needs, false).problems({ text: true, imageSize: 64 })).toEqual([
    "It was trained with text: pass textEncoding, as there is no CLIP to encode text.",
    "It needs an image embedding: pass imageEmbed, as there is no CLIP to embed images.",
  ]);
  const upsampler = { ...needs, imageEmbedding: false, textEncoding: false, image: true };
  expect(new DataRequirements(upsampler, true).problems({})).toEqual(["It enlarges images: pass images."]);
  expect(new DataRequirements(upsampler, true).problems({ imageSize: 32 })).toEqual([
    "Images must have at least 64 pixels a side, but the smallest has 32.",
  ]);
});
