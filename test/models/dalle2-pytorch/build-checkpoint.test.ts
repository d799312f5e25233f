import { describe, expect, it } from "vitest";
import { parseConfig } from "../../../src/config/config-error.js";
import { trainDecoderConfig, trainPriorConfig } from "../../../src/models/dalle2-pytorch/train-config.js";
import { decoderShapes, priorShapes, type Shapes } from "../../support/build-checkpoint.js";
import { openTestArena } from "../../support/gpu.js";
import { headerSet, type HeaderSet } from "../../support/headers.js";

const arena = await openTestArena();
const decoders = await headerSet("decoder");
const priors = await headerSet("prior");

function expectNames({ groups }: HeaderSet, version: string, shapes: Shapes): void {
  const { header } = groups.find(({ versions }) => versions.includes(version))!;
  const listed = (entries: Iterable<readonly [string, readonly number[]]>) =>
    [...entries].map(([name, shape]) => `${name} ${shape.join()}`).sort();
  expect(listed(shapes)).toEqual(listed([...header].map(([name, { shape }]) => [name, shape] as const)));
}

describe("a built checkpoint has the very names and shapes of the reference's", () => {
  it.each(["0.11.5", "0.15.4", "0.23.10", "1.1.0", "1.12.4"])("decoder of %s", (version) => {
    const config = parseConfig(trainDecoderConfig, { decoder: decoders.options }, "decoder");
    expectNames(decoders, version, decoderShapes(arena, config, version));
  });

  it.each(["0.11.5", "0.19.6", "1.1.0", "1.14.0"])("prior of %s", (version) => {
    const config = parseConfig(trainPriorConfig, { prior: priors.options }, "prior");
    expectNames(priors, version, priorShapes(arena, config, version));
  });
});
