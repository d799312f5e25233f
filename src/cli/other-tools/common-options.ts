// Options known from other tools, and what each does here. docs/cli.md shows this table.

/** A tool whose options people try here. */
export type Tool = "web UI" | "diffusers" | "OpenAI" | "sd.cpp" | "CompVis" | "dalle2-laion";

/** An option of other tools, for all commands that generate images and for others that have an option in `means`. */
export interface CommonOption {
  /** Its names. They also work with underscores instead of dashes. */
  readonly names: readonly string[];
  readonly tools: readonly Tool[];
  /** Options here with the same meaning. The first that the command has is set. */
  readonly means?: readonly string[];
  /**
   * What to do if the command has none of these. The command shows the first hint whose options it has. Without a hint, the
   * option is unknown.
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
    hints: ["--steps takes one number per U-Net, separated by commas"],
  },
  {
    names: ["--scheduler", "--schedule", "--sampling-method", "--sampler-name"],
    tools: ["web UI", "diffusers", "sd.cpp"],
    means: ["--sampler"],
  },
  { names: ["--prior-scheduler"], tools: ["diffusers"], means: ["--prior-sampler"] },
  {
    names: ["--width", "--height", "-W", "-H"],
    tools: ["web UI", "diffusers", "sd.cpp", "CompVis"],
    hints: [
      "--size takes both sides, such as 768x512, for decoders of many sizes",
      "the decoder determines the image size; choose another decoder with --model-config",
    ],
  },
  {
    names: ["--size", "--resolution"],
    tools: ["OpenAI", "web UI"],
    means: ["--size"],
    hints: ["the decoder determines the image size; choose another decoder with --model-config"],
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
    hints: ["`dalle2 doctor` shows which GPU is used; choose another with DALLE2_DAWN_FLAGS"],
  },
  {
    names: ["-i", "--init-image", "--init-img", "--init-images", "--img", "--image", "--input", "--ref-image", "-I"],
    tools: ["web UI", "diffusers", "OpenAI", "sd.cpp", "CompVis"],
    means: ["--init-image", "--image"],
    hints: ["give images as --start or --end"],
  },
  { names: ["--mask-image", "-M"], tools: ["diffusers", "OpenAI"], means: ["--mask"] },
  {
    names: ["--strength", "--denoising-strength"],
    tools: ["web UI", "diffusers", "sd.cpp", "CompVis"],
    means: ["--strength"],
    hints: [
      "the parts that --mask does not keep are always generated from pure noise",
      "images are generated from pure noise, so there is no strength",
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
    hints: ["choose the dtype with --dtype: auto, f16 or f32"],
  },
  { names: ["--fp16", "--half"], tools: ["web UI", "diffusers"], hints: ["use --dtype f16"] },
  { names: ["--no-half", "--fp32"], tools: ["web UI"], hints: ["use --dtype f32"] },
  {
    names: ["--lowvram", "--medvram", "--offload-to-cpu", "--enable-model-cpu-offload", "--sequential-cpu-offload"],
    tools: ["web UI", "diffusers", "sd.cpp"],
    hints: ["use --offload idle"],
  },
  {
    names: ["--response-format"],
    tools: ["OpenAI"],
    hints: ["images are written to files; choose the file type with --format, and list the files with --json"],
  },
  {
    names: ["--style", "--quality"],
    tools: ["OpenAI"],
    hints: ["describe it in the prompt; the models have no such option"],
  },
  {
    names: ["--clip-skip", "--eta", "--ddim-eta", "--vae", "--lora", "--lora-model-dir", "--control-image"],
    tools: ["web UI", "diffusers", "sd.cpp", "CompVis"],
    hints: ["unCLIP models have no such feature"],
  },
  {
    names: ["--upscale-model", "--hires-fix"],
    tools: ["web UI", "sd.cpp"],
    hints: ["`dalle2 upscale FILE` enlarges images with the later U-Nets of a decoder"],
  },
  {
    names: ["-t", "--threads"],
    tools: ["sd.cpp"],
    hints: ["the models run on the GPU; a software driver chooses its own threads"],
  },
];

/** The options that a text mentions. */
export function optionsIn(text: string): readonly string[] {
  return text.match(/(?<!\S)--[a-z][a-z-]*/g) ?? [];
}

/** The rows of the table in docs/cli.md, in Markdown. */
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
