import { FormatError } from "../../weights/errors.js";
import type { ModelKind } from "../../weights/tree/model-names.js";
import type { Claim } from "../family.js";
import type { OpenedFolder } from "../opened.js";
import { componentsOf } from "./components.js";

/** A folder of pipelines that a family runs. */
export interface PipelineLayout {
  /** The family, for messages: "Karlo". */
  readonly name: string;
  /** Its name for what is in the folder. */
  readonly component: string;
  /** The classes of components, by name; the first is the usual one. Components without an entry may have any. */
  readonly classes: Readonly<Record<string, readonly [string, ...string[]]>>;
  /** The components that each kind of model needs. */
  readonly needed: Readonly<Partial<Record<ModelKind, readonly string[]>>>;
  /** Those that it reads as well if they are there. */
  readonly optional?: Readonly<Partial<Record<ModelKind, readonly string[]>>> | undefined;
}

const KINDS = ["prior", "decoder", "clip"] as const satisfies readonly ModelKind[];
const WORDS: Readonly<Record<ModelKind, string>> = { prior: "prior", decoder: "decoder", clip: "CLIP" };

/** The classes of components that several families have. */
export const CLASSES = {
  prior: ["PriorTransformer"],
  unclipScheduler: ["UnCLIPScheduler"],
  textEncoder: ["CLIPTextModelWithProjection"],
  tokenizer: ["CLIPTokenizer", "CLIPTokenizerFast"],
  imageEncoder: ["CLIPVisionModelWithProjection"],
  imageProcessor: ["CLIPImageProcessor", "CLIPFeatureExtractor", "CLIPImageProcessorFast"],
  unet: ["UNet2DConditionModel"],
} as const satisfies Readonly<Record<string, readonly [string, ...string[]]>>;

/** The models in a folder of this layout. Throws `FormatError` for components of other classes. */
export function claimPipeline(folder: OpenedFolder, layout: PipelineLayout): Claim {
  const { name: family, component, needed, optional = {} } = layout;
  const found = componentsOf(folder);
  checkClasses(folder, found, layout);
  const kinds = KINDS.filter((kind) => needed[kind]?.every((one) => found.has(one)));
  const read = (kind: ModelKind) => [...needed[kind]!, ...(optional[kind] ?? [])].filter((one) => found.has(one));
  return {
    component,
    kind: kinds,
    components: Object.fromEntries(kinds.map((kind) => [kind, read(kind)])),
    words: kinds.length > 0 ? `${family}'s ${kinds.map((kind) => WORDS[kind]).join(", ")}` : lacking(layout, found),
  };
}

function checkClasses(
  folder: OpenedFolder,
  found: ReturnType<typeof componentsOf>,
  { name: family, classes }: PipelineLayout,
): void {
  for (const [component, { name }] of found) {
    const known = Object.hasOwn(classes, component) ? classes[component] : undefined;
    if (!known || known.includes(name)) continue;
    throw new FormatError(folder.name, `its component ${component} is a ${name}, which is not supported`, {
      advice: `in ${family} it is a ${known[0]}`,
    });
  }
}

function lacking({ name, needed }: PipelineLayout, found: ReadonlyMap<string, unknown>): string {
  const missing = Object.values(needed).map((components) => components.filter((one) => !found.has(one)));
  return `an incomplete ${name}, without ${[...new Set(missing.flat())].join(", ")}`;
}
