import { ConfigError } from "../config/config-error.js";
import type { Checkpoint } from "../weights/checkpoint.js";
import { elementCount, isFloat } from "../weights/dtypes.js";
import { inspectTensors, type InspectedTensors } from "../weights/inspect.js";
import type { ModelKind } from "../weights/tree/model-names.js";
import { kindsOf } from "./diffusers/claimed-components.js";
import { componentConfig } from "./diffusers/component-files.js";
import { openComponent } from "./diffusers/component-weights.js";
import { componentsOf, type ComponentClass } from "./diffusers/components.js";
import { smallFilesOf, weightsOf } from "./diffusers/folder-files.js";
import { claimOf, type Claimed } from "./families.js";
import type { ReportSection } from "./family.js";
import type { OpenedFolder } from "./opened.js";

/** The weights of a component, from their headers. Tables of integers, such as positions, are no parameters. */
export interface InspectedWeights extends InspectedTensors {
  readonly format: Checkpoint["format"];
  /** Element types of its tensors. */
  readonly dtypes: readonly string[];
  /** Bytes of all files. */
  readonly bytes: number;
}

/** A component of a model folder. */
export interface InspectedComponent {
  readonly name: string;
  readonly library: string;
  readonly class: string;
  /** Its files that are read, by their paths in the folder. */
  readonly files: readonly string[];
  /** Null for a component without weights, such as a scheduler or a tokenizer. */
  readonly weights: InspectedWeights | null;
  /** Its config; null if it has none. */
  readonly config: unknown;
}

/** The description of a model folder from its headers, as plain data. */
export interface FolderInspection {
  /** Path, URL or hub id. */
  readonly folder: string;
  /** Class of the pipeline. */
  readonly class: string;
  /** Version of the diffusers library that wrote it; null if the index does not say. */
  readonly diffusersVersion: string | null;
  /** The family that reads it; null if none does. */
  readonly family: string | null;
  /** The models that it can be loaded as. */
  readonly models: readonly ModelKind[];
  readonly bytes: number;
  readonly parameters: number;
  readonly components: readonly InspectedComponent[];
}

/** The same, and a report of its family for people. */
export interface FolderExamination {
  readonly inspection: FolderInspection;
  readonly sections: readonly ReportSection[];
}

/** Describes a model folder without reading tensors. Rejects with `FileError`, `ConfigError` or `FormatError`. */
export async function examineFolder(folder: OpenedFolder): Promise<FolderExamination> {
  const claimed = claimOf(folder);
  return { inspection: await inspectFolder(folder, claimed), sections: await describe(folder, claimed) };
}

/** The report of a folder's family. A config that is not supported is part of the report. */
async function describe(folder: OpenedFolder, claimed: Claimed | undefined): Promise<readonly ReportSection[]> {
  try {
    return (await claimed?.family.describeFolder?.(folder)) ?? [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return [{ title: "Cannot be loaded", rows: error.message.split("\n").map((line) => [line]) }];
  }
}

async function inspectFolder(folder: OpenedFolder, claimed: Claimed | undefined): Promise<FolderInspection> {
  const components: InspectedComponent[] = [];
  for (const [name, described] of componentsOf(folder))
    components.push(await inspectComponent(folder, name, described));
  const { _class_name: className, _diffusers_version: version } = folder.index;
  const sum = (of: "bytes" | "parameters"): number =>
    components.reduce((total, { weights }) => total + (weights?.[of] ?? 0), 0);
  return {
    folder: folder.name,
    class: String(className),
    diffusersVersion: typeof version === "string" ? version : null,
    family: claimed?.family.name ?? null,
    models: claimed ? kindsOf(claimed.claim) : [],
    bytes: sum("bytes"),
    parameters: sum("parameters"),
    components,
  };
}

async function inspectComponent(
  folder: OpenedFolder,
  component: string,
  { library, name }: ComponentClass,
): Promise<InspectedComponent> {
  const weights = await weightsOf(folder, component);
  const small = await smallFilesOf(folder, component);
  const [config] = small.filter((path) => path.endsWith("config.json"));
  return {
    name: component,
    library,
    class: name,
    files: [...(weights?.files ?? []), ...small],
    weights: weights ? await inspectWeights(folder, component, weights) : null,
    config:
      config === undefined
        ? null
        : (await componentConfig(folder, component, config.slice(component.length + 1))).value,
  };
}

async function inspectWeights(
  folder: OpenedFolder,
  component: string,
  { base, files }: NonNullable<Awaited<ReturnType<typeof weightsOf>>>,
): Promise<InspectedWeights> {
  let bytes = 0;
  for (const path of files) {
    const source = await folder.open(path);
    bytes += source.size;
    await source.close();
  }
  const checkpoint = await openComponent(folder, component, base);
  try {
    const { tensors } = inspectTensors(checkpoint.tensors);
    const trained = [...checkpoint.tensors.values()].filter(({ dtype }) => dtype !== "unsupported" && isFloat(dtype));
    const parameters = trained.reduce((sum, { shape }) => sum + elementCount(shape), 0);
    const dtypes = [...new Set(tensors.map(({ dtype }) => dtype))];
    return { format: checkpoint.format, dtypes, bytes, tensors, parameters };
  } finally {
    await checkpoint.close();
  }
}
