import type { ModelLoadConfig } from "../load-config.js";
import {
  mapSettings,
  SETTINGS,
  type AskedSettings,
  type CascadeSettings,
  type Setting,
} from "../../diffusion/settings.js";

/** Settings for calls that do not give their own. */
export interface DefaultSettings {
  /** Settings of the prior. */
  readonly prior: AskedSettings;
  /** Settings of the U-Nets: for each setting a list with a value, or null, for each U-Net. */
  readonly decoder: CascadeSettings;
}

/** Returns the settings in a load config. */
export function defaultSettings({ data: { prior, decoder } }: ModelLoadConfig): DefaultSettings {
  const unets = (decoder?.unet_sources ?? []).flatMap((source) =>
    source.unet_numbers.map((number, i) => ({ number, source, i })),
  );
  unets.sort((a, b) => a.number - b.number);
  return {
    prior: mapSettings<AskedSettings>((name) => valueIn(prior, SETTINGS[name]) ?? undefined),
    decoder: mapSettings<CascadeSettings>((name) =>
      unets.length === 0 ? undefined : unets.map(({ source, i }) => valueIn(source, SETTINGS[name])?.[i] ?? null),
    ),
  };
}

type Keys<Value> = Readonly<Partial<Record<NonNullable<Setting["configKey"]>, Value>>>;

function valueIn<Value>(source: Keys<Value> | null | undefined, { configKey }: Setting): Value | undefined {
  return configKey === undefined ? undefined : source?.[configKey];
}
