import type { RemoteConfig } from "dalle2-webgpu";

/** A model that a person can choose. */
export interface ModelChoice {
  /** Stable: stored with images, and in links. For files of the user, their name. */
  readonly id: string;
  readonly label: string;
  /** What an engine opens. */
  readonly config: RemoteConfig;
  /** Size of all its downloads, if it is known. */
  readonly downloadBytes?: number | undefined;
}

/** The included model, which works at once. */
export const SHAPES: ModelChoice = { id: "shapes", label: "Shapes", config: configUrl("shapes") };

/** The URL of a load config of the package. */
export function configUrl(name: string): string {
  const configs = document.querySelector<HTMLMetaElement>('meta[name="dalle2-configs"]')?.content ?? "configs/";
  return new URL(`${name}.json`, new URL(configs, document.baseURI)).href;
}
