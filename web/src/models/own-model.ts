// Models of the user: a URL, files, folders.
import type { Inspection, RemoteConfig } from "dalle2-webgpu";
import type { ModelChoice } from "./model-choice.js";

/** What the user gave. */
export type Given =
  | { readonly kind: "model"; readonly choice: ModelChoice }
  /** A checkpoint without a load config. */
  | { readonly kind: "checkpoint"; readonly file: File };

type Folder = Exclude<RemoteConfig, string | { readonly data: unknown }>;

const CHECKPOINT = /\.(safetensors|pth|pt|ckpt|bin)$/i;

/** A model by the URL of its load config or folder, or by its id on the Hugging Face hub. Throws if it is none of these. */
export function modelAt(text: string): ModelChoice {
  const place = text.trim();
  if (/^[\w.-]+\/[\w.-]+(@[\w./-]+)?$/.test(place)) return { id: place, label: place, config: place };
  let url: URL;
  try {
    url = new URL(place);
  } catch {
    throw new Error(
      "Enter the URL of a load config, such as https://example.org/model.json, or an id of the Hugging Face hub, such as kakaobrain/karlo-v1-alpha.",
    );
  }
  if (!mayRead(url)) {
    throw new Error(
      "For safety, this page reads models only from https:// servers, from its own server and from http://localhost. For files of this computer, open a folder.",
    );
  }
  const parts = url.pathname.split("/").filter(Boolean);
  return { id: url.href, label: decodeURIComponent(parts.at(-1) ?? url.host).replace(/\.json$/, ""), config: url.href };
}

/** Whether the Content-Security-Policy of the page lets it read a URL. */
function mayRead({ protocol, hostname, origin }: URL): boolean {
  return protocol === "https:" || origin === location.origin || (protocol === "http:" && hostname === "localhost");
}

/** The model in a folder. */
export function modelIn(folder: Folder, name: string): ModelChoice {
  return { id: `folder:${name}`, label: name, config: folder };
}

/** What was given by files alone. */
export function givenFiles(files: readonly File[]): Given | undefined {
  const [first] = files;
  if (!first) return undefined;
  if (files.length === 1 && CHECKPOINT.test(first.name)) return { kind: "checkpoint", file: first };
  const config = files.find(({ name }) => name.endsWith(".json")) ?? first;
  const label = config.name.replace(/\.json$/, "");
  // Beside others, its relative paths lead to them.
  return { kind: "model", choice: { id: `file:${label}`, label, config: files.length === 1 ? first : files } };
}

/** What a checkpoint is, and what to do with it. */
export interface CheckpointWords {
  readonly title: string;
  readonly advice: string;
  /** A model of the checkpoint alone; undefined if it needs others. */
  readonly choice: ModelChoice | undefined;
}

const NAMES: Readonly<Record<string, string>> = { prior: "A prior", decoder: "A decoder", clip: "A CLIP" };

/** Says what an inspected checkpoint is. A decoder alone generates variations, with OpenAI's CLIP or the one that it has. */
export function sayCheckpoint(
  file: File,
  { component, version, parameters, format, config }: Inspection,
): CheckpointWords {
  const millions = Math.round(parameters / 1e6).toLocaleString("en");
  const name = NAMES[component] ?? "A model that this page does not know";
  const title = `${name}, ${version === null ? "of an unknown version" : `version ${version}`}, ${millions} million parameters (${format})`;
  const unets = component === "decoder" ? unetCountOf(config) : undefined;
  if (unets !== undefined) {
    return {
      title,
      advice: `It has ${unets === 1 ? "one U-Net" : `${String(unets)} U-Nets`}. Alone it generates variations of images, with OpenAI's CLIP ViT-L/14, which is downloaded. For images from text, put it into a folder with a prior and a load config.`,
      choice: {
        id: `file:${file.name}`,
        label: file.name,
        config: { data: decoderConfig(file.name, unets), source: [file] },
      },
    };
  }
  return {
    title,
    advice:
      "It is one part of a model. Put all parts into a folder with a load config (a JSON file that names them), and open the folder.",
    choice: undefined,
  };
}

function unetCountOf(config: unknown): number | undefined {
  if (typeof config !== "object" || config === null) return undefined;
  const { decoder = config } = config as { readonly decoder?: unknown };
  const { unets } = Object(decoder) as { readonly unets?: unknown };
  return Array.isArray(unets) && unets.length > 0 ? unets.length : undefined;
}

function decoderConfig(path: string, unets: number): unknown {
  return {
    decoder: {
      unet_sources: [
        {
          unet_numbers: Array.from({ length: unets }, (_, i) => i + 1),
          load_model_from: { load_type: "local", path },
        },
      ],
    },
    clip: { make: "openai", model: "ViT-L/14" },
  };
}
