import * as z from "zod/mini";
import type { RecordedNoise } from "../../../diffusion/noise.js";
import type { Fixture } from "../../../fixture/fixture.js";
import { sampleCall, type SampleCall } from "../../../fixture/unclip-call.js";
import { recordedNoise, type HostText } from "../../diffusers/verify/sample-inputs.js";

const info = z.looseObject({ calls: z.record(z.string(), sampleCall) });

/** The calls of a fixture. */
export function sampleCalls(fixture: Fixture): readonly SampleCall[] {
  return Object.entries(fixture.info(info).calls).map(([name, call]) => ({ name, ...call }));
}

/** The stages of a pipeline, as arguments for their first noise name them. */
type LatentStage = "prior" | "decoder" | "super_res";

/** The noise of a stage in a call: the recorded draws, after the first one if the call gave it. */
export async function noiseOfCall(fixture: Fixture, call: SampleCall, stage: LatentStage): Promise<RecordedNoise> {
  const { [`${stage}_latents`]: given } = call;
  return recordedNoise(fixture, call.name, typeof given === "string" ? given : undefined);
}

/** The texts of a fixture, and the empty one. */
export async function textsOf(fixture: Fixture): Promise<{ readonly text: HostText; readonly negative: HostText }> {
  const read = async (prefix: string, embed: string): Promise<HostText> => ({
    embed: await fixture.tensor(`in.${prefix}${embed}`),
    encodings: await fixture.tensor(`in.${prefix}text_hidden_states`),
    mask: await fixture.tensor(`in.${prefix}text_mask`),
  });
  return { text: await read("", "prompt_embeds"), negative: await read("negative_", "prompt_embeds") };
}
