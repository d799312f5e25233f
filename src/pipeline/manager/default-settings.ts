import type { ModelLoadConfig } from "../load-config.js";
import {
  mapSettings,
  SETTINGS,
  type AskedSettings,
  type CascadeSettings,
  type Setting,
} from "../../diffusion/settings.js";

/** How models are sampled where a call does not say it. */
export interface DefaultSettings {
  /** Of the prior. */
  readonly prior: AskedSettings;
  /** With a list for each setting that the load config has of any U-Net. */
  readonly decoder: CascadeSettings;
}

/** What a load config says of how its models are sampled. */
export function defaultSettings({ data: { prior, decoder } }: ModelLoadConfig): DefaultSettings {
  const unets = (decoder?.unet_sources ?? []).flatMap((source) =>
    source.unet_numbers.map((number, i) => ({ number, source, i })),
  );
  unets.sort((a, b) => a.number - b.number);
  return {
    prior: mapSettings<AskedSettings>((name) => valueIn(prior, SETTINGS[name]) ?? undefined),
    decoder: mapSettings<CascadeSettings>((name) =>
      unets.map(({ source, i }) => valueIn(source, SETTINGS[name])?.[i] ?? null),
    ),
  };
}

type Keys<Value> = Readonly<Partial<Record<NonNullable<Setting["configKey"]>, Value>>>;

function valueIn<Value>(source: Keys<Value> | null | undefined, { configKey }: Setting): Value | undefined {
  return configKey === undefined ? undefined : source?.[configKey];
}
