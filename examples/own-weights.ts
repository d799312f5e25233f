// A model from your own checkpoints, as DALLE2-pytorch's trainers save them (.pth) or converted (.safetensors).
import { mkdir, writeFile } from "node:fs/promises";
import { BasicInference, encodeImage, ModelLoadConfig } from "dalle2-webgpu";

const file = (path: string) => ({ load_type: "local", path });
const config = ModelLoadConfig.parse(
  {
    clip: { make: "openai", model: "shapes", load_model_from: file("clip.safetensors") },
    prior: { load_model_from: file("prior.safetensors"), default_sample_timesteps: 16 },
    decoder: {
      unet_sources: [
        { unet_numbers: [1, 2], load_model_from: file("decoder.safetensors"), default_cond_scale: [2, 1] },
      ],
    },
  },
  // The name of the config in messages. Paths start at its folder.
  "configs/shapes/own.json",
);

// If tensors are missing, unused or of another shape, an error lists all of them.
using inference = await BasicInference.create(config, { onWarning: console.error });
const images = await inference.run("a pink diamond on a beige background", { seed: 5, decoderSteps: [24, 12] });

await mkdir("output", { recursive: true });
for (const [image] of images.get(0)!.values())
  await writeFile("output/own-weights.webp", await encodeImage(image!, { format: "webp" }));
console.log("output/own-weights.webp");
