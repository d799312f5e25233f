import { readFileSync } from "node:fs";
import { Command } from "commander";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { register as dream } from "../../../src/cli/dream.js";
import { register as edit } from "../../../src/cli/edit.js";
import { register as embed } from "../../../src/cli/embed.js";
import { register as inpaint } from "../../../src/cli/inpaint.js";
import { register as interpolate } from "../../../src/cli/interpolate.js";
import { register as memory } from "../../../src/cli/memory.js";
import { assist, refuseShortSeed } from "../../../src/cli/other-tools/assist.js";
import { COMMON_OPTIONS, commonOptionRows, optionsIn } from "../../../src/cli/other-tools/common-options.js";
import { register as test } from "../../../src/cli/test.js";
import { register as upscale } from "../../../src/cli/upscale.js";
import { register as variation } from "../../../src/cli/variation.js";

const GENERATING = ["dream", "variation", "inpaint", "upscale", "interpolate", "edit"] as const;

let program: Command;
let said: string;

beforeEach(() => {
  said = "";
  program = new Command("dalle2").enablePositionalOptions().exitOverride();
  program.configureOutput({ writeErr: (text) => (said += text) });
  for (const register of [dream, embed, variation, inpaint, upscale, interpolate, edit, memory, test])
    register(program);
  assist(program);
});

/** The options and arguments that a command would get, or its error message. */
function typed(name: string, ...args: readonly string[]): Readonly<Record<string, unknown>> | string {
  const command = program.commands.find((one) => one.name() === name)!;
  const action = vi.fn();
  command.action(action);
  try {
    program.parse([name, ...args], { from: "user" });
  } catch (error) {
    return said || (error as Error).message;
  }
  return { ...command.opts(), args: command.args };
}

describe("options of other tools", () => {
  it.each([
    ["dream", ["-p", "a cat"], { prompt: ["a cat"] }],
    ["dream", ["--text", "a cat", "a dog"], { prompt: ["a cat"], args: ["a dog"] }],
    ["variation", ["--prompt", "a cat"], { text: ["a cat"] }],
    ["dream", ["-n", "3"], { samples: 3 }],
    ["edit", ["--num-images", "3"], { samples: 3 }],
    ["dream", ["--num_images_per_prompt", "3"], { samples: 3 }],
    ["dream", ["-o", "out"], { outputPath: "out" }],
    ["upscale", ["--outdir=out"], { outputPath: "out" }],
    ["dream", ["--cfg-scale", "3,1"], { condScale: [3, 1] }],
    ["dream", ["--guidance_scale", "3"], { condScale: 3 }],
    ["inpaint", ["--prior-guidance-scale", "3"], { priorCondScale: 3 }],
    ["dream", ["--num-inference-steps", "8"], { steps: 8 }],
    ["dream", ["--scheduler", "ddim"], { sampler: "ddim" }],
    ["dream", ["--negative", "a dog"], { negativePrompt: "a dog" }],
    ["dream", ["--batch_size", "4"], { batchSize: 4 }],
    ["dream", ["--decoder_batch_size", "4"], { decoderBatchSize: 4 }],
    ["inpaint", ["--init-image", "a.png", "--mask-image", "b.png"], { image: ["a.png"], mask: ["b.png"] }],
    ["variation", ["-i", "a.png", "b.png"], { image: ["a.png"], args: ["b.png"] }],
    ["dream", ["--image", "a.png", "--denoising-strength", "0.5"], { initImage: ["a.png"], strength: 0.5 }],
    ["embed", ["-p", "a cat", "-i", "a.png", "-o", "a.safetensors", "-n", "2"], { text: ["a cat"], samples: 2 }],
    ["dream", ["--config", "models.json"], { modelConfig: "models.json" }],
    ["dream", ["--resolution", "768x512"], { size: { width: 768, height: 512 } }],
    ["test", ["--config", "models.json"], { modelConfig: "models.json" }],
    ["dream", ["--from-file", "prompts.txt"], { promptsFile: "prompts.txt" }],
    ["dream", ["--num-candidates", "4", "--seed", "7"], { candidates: 4, seed: 7 }],
  ])("%s takes %j", (name, args, expected) => {
    expect(typed(name, ...args)).toMatchObject(expected);
  });

  it.each([
    ["dream", ["--width", "512"], "There is no option --width here: --size takes both sides, such as 768x512"],
    ["upscale", ["--width", "512"], "There is no option --width here: the decoder determines the image size"],
    ["upscale", ["--size=512x512"], "choose another decoder with --model-config"],
    ["dream", ["--device", "cuda:1"], "`dalle2 doctor` shows which GPU is used"],
    ["interpolate", ["--image", "a.png"], "give images as --start or --end"],
    ["interpolate", ["--prompt", "x"], "the two prompts are --start and --end"],
    ["edit", ["-p", "x"], "the two texts are --from and --to"],
    ["edit", ["--negative", "x"], "this command takes no negative prompt"],
    ["inpaint", ["--strength", "0.5"], "the parts that --mask does not keep"],
    ["variation", ["--strength", "0.5"], "so there is no strength"],
    ["upscale", ["--num-candidates", "4"], "this command samples no prior"],
    ["embed", ["--width", "512"], "error: unknown option '--width'"],
    ["dream", ["--fp16"], "use --dtype f16"],
    ["dream", ["--ckpt", "model.ckpt"], "It must be a load config"],
    ["memory", ["model.safetensors"], "It must be a load config"],
    ["dream", ["-o", "cat.png"], "It must be a folder, not an image file"],
    ["dream", ["-n", "ugly"], "It is not a whole number of at least 1."],
    ["dream", ["--promt", "x"], "Did you mean --prompt?"],
    ["dream", ["--stpes", "8"], "Did you mean --steps?"],
    ["dream", ["--condScale", "x"], "Did you mean --cond-scale?"],
    ["dream", ["--batch", "4"], "Did you mean --prior-batch-size or --decoder-batch-size?"],
  ])("%s says what to do instead of %j", (name, args, message) => {
    expect(typed(name, ...args)).toContain(message);
  });

  it("are not suggested for options with merely similar spelling", () => {
    for (const option of ["--signed", "--tame", "--seats"]) {
      said = "";
      expect(typed("dream", option)).toBe(`error: unknown option '${option}'\n`);
    }
  });

  it.each(GENERATING)("have hints that fit %s", (name) => {
    const command = program.commands.find((one) => one.name() === name)!;
    const own = command.options.filter(({ hidden }) => !hidden).map(({ long }) => long);
    for (const { names, means = [], hints = [] } of COMMON_OPTIONS) {
      if (means.some((option) => own.includes(option))) continue;
      for (const option of names.filter(
        (one) => !command.options.some(({ short, long, hidden }) => !hidden && [short, long].includes(one)),
      )) {
        said = "";
        const answer = typed(name, option, "1");
        // Either the option is unknown, or there is a hint with only options that the command has.
        if (typeof answer === "string" && answer.startsWith("error: unknown option")) continue;
        const hint = hints.find((one) => answer === `There is no option ${option} here: ${one}.`);
        expect(hint, `${option}: ${JSON.stringify(answer)}`).toBeDefined();
        expect(optionsIn(hint!).filter((one) => !own.includes(one))).toEqual([]);
      }
    }
  });

  it("are listed in docs/cli.md with their effect", () => {
    expect(readFileSync("docs/cli.md", "utf8")).toContain(commonOptionRows().join("\n"));
  });
});

it("an unknown command may be a prompt, or a name from another tool", () => {
  for (const [command, message] of [
    ["a red circle", 'To generate an image from a prompt: dalle2 dream "a red circle"'],
    ["txt2img", "Did you mean dream?"],
    ["varation", "Did you mean variation?"],
  ] as const) {
    said = "";
    expect(() => program.parse([command], { from: "user" })).toThrow();
    expect(said).toContain(message);
  }
  said = "";
  expect(() => program.parse(["--prompt", "x"], { from: "user" })).toThrow();
  expect(said).toContain("Options come after the command");
});

it("-s with a number is refused", () => {
  const check = (...args: readonly string[]) => {
    refuseShortSeed(args);
  };
  expect(() => {
    check("dream", "a cat", "-s", "42");
  }).toThrow("For a seed, use --seed 42; for sampling steps, --steps 42.");
  check("dream", "-s", "a cat");
});
