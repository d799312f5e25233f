import * as z from "zod/mini";
import { plainFolder } from "../../../files/folder/plain-folder.js";
import type { Fixture } from "../../../fixture/fixture.js";
import { FileError } from "../../../platform/errors.js";
import type { ByteSource } from "../../../platform/source.js";
import type { Arena } from "../../../tensor/arena.js";
import { openCheckpoint } from "../../../weights/checkpoint.js";
import type { Weights } from "../../../weights/store.js";
import { WeightStore } from "../../../weights/weight-store.js";
import { findWeights, NETWORK_WEIGHTS } from "../component-weights.js";

/** A component of a fixture's model folder: the content and the name of its config. */
export interface ComponentConfig {
  readonly value: unknown;
  readonly file: string;
}

const info = z.looseObject({ model: z.string(), variant: z.nullish(z.string()) });

/** The config of a component, for example `config.json` in `model/prior`. */
export async function componentConfigOf(
  fixture: Fixture,
  component: string,
  name = "config.json",
): Promise<ComponentConfig> {
  const path = `${fixture.info(info).model}/${component}/${name}`;
  return { value: await fixture.json(path), file: fixture.location(path) };
}

/** Loads a component of the model folder, runs `body` with it, and frees its weights. */
export async function withComponent<Model, Result>(
  fixture: Fixture,
  arena: Arena,
  component: string,
  build: (weights: Weights, config: ComponentConfig) => Model,
  body: (model: Model) => Promise<Result>,
): Promise<Result> {
  return withComponents(fixture, arena, [component], ([part]) => build(part!.weights, part!), body);
}

/** A component whose weights can be declared. */
export interface ComponentPart extends ComponentConfig {
  readonly weights: Weights;
}

/** The same for a model of several components, in the order of their names. */
export async function withComponents<Model, Result>(
  fixture: Fixture,
  arena: Arena,
  components: readonly string[],
  build: (parts: readonly ComponentPart[]) => Model,
  body: (model: Model) => Promise<Result>,
): Promise<Result> {
  const stores: WeightStore[] = [];
  try {
    const parts: ComponentPart[] = [];
    for (const component of components) {
      const config = await componentConfigOf(fixture, component);
      const store = new WeightStore(arena, fixture.keep(await openCheckpoint(await openWeights(fixture, component))));
      stores.push(store);
      parts.push({ ...config, weights: store.root });
    }
    const model = build(parts);
    for (const store of stores) await store.load();
    return await body(model);
  } finally {
    for (const store of stores) store.dispose();
  }
}

/** Opens the weights of a component: one file, or the index of its shards. Rejects with `FileError`. */
async function openWeights(fixture: Fixture, component: string): Promise<ByteSource> {
  const { model, variant } = fixture.info(info);
  const folder = plainFolder(fixture.location(model));
  const path = await findWeights(folder, component, NETWORK_WEIGHTS, { prefersF16: variant === "fp16" });
  if (path !== undefined) return folder.open(path);
  throw new FileError(folder.name, `has no weights of its component ${component}`, { code: "file/not-found" });
}
