// Options that people know from other tools, and what happens with each of them here. docs/cli.md shows this table.

/** A tool whose options people try here. */
export type Tool = "web UI" | "diffusers" | "OpenAI" | "sd.cpp" | "CompVis" | "dalle2-laion";

/** An option of other tools. It counts for the commands that generate images, and where another has an option of `means`. */
export interface CommonOption {
  /** How it is written. Names with underscores in place of dashes are taken as well. */
  readonly names: readonly string[];
  readonly tools: readonly Tool[];
  /** Options with the same meaning here. A command takes the first that it has. */
  readonly means?: readonly string[];
  /**
   * What to do where a command has none of these. A command shows the first hint whose options it has; without one, the
   * option is unknown to it.
   */
  readonly hints?: readonly string[];
}

export const COMMON_OPTIONS: readonly CommonOption[] = [
  {
    names: ["-p", "--prompt", "--text"],
    tools: ["diffusers", "OpenAI", "sd.cpp"],
    means: ["--prompt", "--text"],
    hints: ["the two prompts are --start and --end", "the two texts are --from and --to"],
  },
  {
    names: ["--negative", "--neg-prompt", "--negative-prompt"],
    tools: ["web UI", "diffusers", "sd.cpp"],
    means: ["--negative-prompt"],
    hints: ["this command takes no negative prompt"],
  },
  {
    names: [
      "-n",
      "--num-images",
      "--num-samples",
      "--num-images-per-prompt",
      "--count",
      "--n-samples",
      "--n-iter",
      "-b",
      "--batch-count",
    ],
    tools: ["web UI", "diffusers", "OpenAI", "sd.cpp", "CompVis"],
    means: ["--samples"],
  },
  {
    names: ["--prior-num-samples"],
    tools: ["dalle2-laion"],
    means: ["--prior-samples", "--samples"],
  },
  {
    names: ["--num-samples-per-batch", "--num-candidates"],
    tools: ["dalle2-laion"],
    means: ["--candidates"],
    hints: ["this command samples no prior"],
  },
  {
    names: ["-o", "--output", "--out", "--outdir", "--output-dir", "--output-folder"],
    tools: ["sd.cpp", "CompVis"],
    means: ["--output-path"],
  },
  { names: ["--output-format", "--image-format"], tools: ["OpenAI"], means: ["--format"] },
  {
    names: ["--cfg-scale", "--guidance-scale", "--cfg", "--guidance", "--scale", "--decoder-guidance-scale"],
    tools: ["web UI", "diffusers", "sd.cpp", "CompVis"],
    means: ["--cond-scale"],
  },
  {
    names: ["--prior-guidance-scale", "--prior-cfg-scale"],
    tools: ["diffusers"],
    means: ["--prior-cond-scale"],
    hints: ["this command samples no prior"],
  },
  {
    names: [
      "--num-inference-steps",
      "--decoder-num-inference-steps",
      "--sampling-steps",
      "--sample-steps",
      "--ddim-steps",
      "--num-steps",
      "--timesteps",
      "--sample-timesteps",
    ],
    tools: ["diffusers", "sd.cpp", "CompVis", "dalle2-laion"],
    means: ["--steps"],
  },
  {
    names: ["--prior-num-inference-steps", "--prior-timesteps"],
    tools: ["diffusers", "dalle2-laion"],
    means: ["--prior-steps"],
    hints: ["this command samples no prior"],
  },
  {
    names: ["--super-res-num-inference-steps"],
    tools: ["diffusers"],
    hints: ["--steps takes a number for each U-Net, with commas between them"],
  },
  {
    names: ["--scheduler", "--schedule", "--sampling-method", "--sampler-name"],
    tools: ["web UI", "diffusers", "sd.cpp"],
    means: ["--sampler"],
  },
  { names: ["--prior-scheduler"], tools: ["diffusers"], means: ["--prior-sampler"] },
  {
    names: ["--width", "--height", "--size", "--resolution", "-W", "-H"],
    tools: ["web UI", "diffusers", "OpenAI", "sd.cpp", "CompVis"],
    hints: ["images have the size that the decoder makes; another decoder is chosen by --model-config"],
  },
  {
    names: ["--batch-size"],
    tools: ["web UI", "diffusers"],
    means: ["--decoder-batch-size"],
  },
  {
    names: ["--model", "-m", "--ckpt", "--checkpoint", "--diffusion-model", "--config"],
    tools: ["web UI", "OpenAI", "sd.cpp", "CompVis"],
    means: ["--model-config"],
  },
  {
    names: ["--device", "--device-id", "--gpu"],
    tools: ["web UI", "diffusers"],
    hints: ["`dalle2 doctor` says which GPU is used; DALLE2_DAWN_FLAGS chooses another"],
  },
  {
    names: ["-i", "--init-image", "--init-img", "--init-images", "--img", "--image", "--input", "--ref-image", "-I"],
    tools: ["web UI", "diffusers", "OpenAI", "sd.cpp", "CompVis"],
    means: ["--init-image", "--image"],
    hints: ["an image is given as --start or --end"],
  },
  { names: ["--mask-image", "-M"], tools: ["diffusers", "OpenAI"], means: ["--mask"] },
  {
    names: ["--strength", "--denoising-strength"],
    tools: ["web UI", "diffusers", "sd.cpp", "CompVis"],
    means: ["--strength"],
    hints: [
      "what --mask leaves free is generated from noise alone, and the rest is kept",
      "images are generated from noise alone, so there is no strength",
    ],
  },
  {
    names: ["--from-file", "--prompt-file", "--prompts"],
    tools: ["web UI", "CompVis"],
    means: ["--prompts-file"],
  },
  {
    names: ["--precision", "--type", "--torch-dtype"],
    tools: ["web UI", "diffusers", "sd.cpp", "CompVis"],
    hints: ["the type to compute in is --dtype: auto, f16 or f32"],
  },
  { names: ["--fp16", "--half"], tools: ["web UI", "diffusers"], hints: ["say --dtype f16"] },
  { names: ["--no-half", "--fp32"], tools: ["web UI"], hints: ["say --dtype f32"] },
  {
    names: ["--lowvram", "--medvram", "--offload-to-cpu", "--enable-model-cpu-offload", "--sequential-cpu-offload"],
    tools: ["web UI", "diffusers", "sd.cpp"],
    hints: ["say --offload idle"],
  },
  {
    names: ["--response-format"],
    tools: ["OpenAI"],
    hints: ["images are written as files, in the --format that you choose; --json lists them"],
  },
  {
    names: ["--style", "--quality"],
    tools: ["OpenAI"],
    hints: ["say it in the prompt; the models know no such option"],
  },
  {
    names: ["--clip-skip", "--eta", "--ddim-eta", "--vae", "--lora", "--lora-model-dir", "--control-image"],
    tools: ["web UI", "diffusers", "sd.cpp", "CompVis"],
    hints: ["unCLIP models have no such part"],
  },
  {
    names: ["--upscale-model", "--hires-fix"],
    tools: ["web UI", "sd.cpp"],
    hints: ["`dalle2 upscale FILE` enlarges images by the later U-Nets of a decoder"],
  },
  { names: ["-t", "--threads"], tools: ["sd.cpp"], hints: ["the GPU computes, or the threads that its driver starts"] },
];

/** Options that a text names. */
export function optionsIn(text: string): readonly string[] {
  return text.match(/(?<!\S)--[a-z][a-z-]*/g) ?? [];
}

/** The table for docs/cli.md: a line of Markdown for each option. */
export function commonOptionRows(): readonly string[] {
  const code = (name: string): string => `\`${name}\``;
  return COMMON_OPTIONS.map(({ names, tools, means = [], hints = [] }) => {
    const here = [
      ...(means.length > 0 ? [`means ${means.map(code).join(", or ")}`] : []),
      ...hints.map((hint) => hint.replace(/(?<!\S)--[a-z][a-z-]*/g, code)),
    ];
    return `| ${names.map(code).join(", ")} | ${tools.join(", ")} | ${here.join("; or: ")} |`;
  });
}
