import { pairOutputs } from "../../../fixture/run-model.js";
import type { Output } from "../../../fixture/result.js";
import type { Runner } from "../../../fixture/runner.js";
import { withComponent } from "../../diffusers/verify/component.js";
import { numberOf } from "../../diffusers/verify/sample-inputs.js";
import { AutoencoderKl } from "../autoencoder/autoencoder-kl.js";
import { autoencoderKlOptions } from "../config/autoencoder-config.js";
import { LATENT_FORWARD } from "../../diffusers/verify/tolerances.js";

/** Decodes latents, which are in the autoencoder's own scale. */
export const verifyAutoencoder: Runner = async (fixture, openArena) => {
  const arena = await openArena();
  return withComponent(
    fixture,
    arena,
    "vae",
    (weights, { value, file }) => new AutoencoderKl(weights, autoencoderKlOptions(value, file)),
    async (vae) => {
      const outputs: Output[] = [];
      for (const name of await fixture.names("in.latents.")) {
        const { data, shape } = await fixture.tensor(name);
        const images = arena.scope(() =>
          vae.decodeUnscaled(arena.fromNchw(data, shape as [number, number, number, number], "f32")),
        );
        outputs.push(
          ...(await pairOutputs(fixture, { [`${numberOf(name)}.decode`]: images }, LATENT_FORWARD[arena.dtype])),
        );
      }
      return outputs;
    },
  );
};
