/** Colours of the page. `system` follows the system. */
export type Theme = "system" | "light" | "dark";

/** What is kept of the settings. */
interface Kept {
  readonly theme: Theme;
  readonly isSmooth: boolean;
  readonly dtype: "auto" | "f32" | "f16";
  readonly weights: "full" | "int8";
  readonly computesOn: "server" | "browser";
}

const KEY = "dalle2app.settings";
const DEFAULTS: Kept = { theme: "system", isSmooth: false, dtype: "auto", weights: "full", computesOn: "server" };
const ALLOWED: { readonly [Name in keyof Kept]: readonly Kept[Name][] } = {
  theme: ["system", "light", "dark"],
  isSmooth: [false, true],
  dtype: ["auto", "f32", "f16"],
  weights: ["full", "int8"],
  computesOn: ["server", "browser"],
};

/** The settings of the page, kept in this browser. */
export class Settings {
  theme: Theme = $state("system");
  /** Whether small images are enlarged smoothly. Else each pixel becomes a square. */
  isSmooth: boolean = $state(false);
  /** Type that models compute in. */
  dtype: Kept["dtype"] = $state("auto");
  /** How weights lie in the memory of the GPU. */
  weights: Kept["weights"] = $state("full");
  /** Where images are generated, if the page came from a server that can. */
  computesOn: Kept["computesOn"] = $state("server");
  readonly #storage: Pick<Storage, "getItem" | "setItem"> | undefined;

  /** `storage` is absent where the browser keeps nothing. */
  constructor(storage: Pick<Storage, "getItem" | "setItem"> | undefined) {
    this.#storage = storage;
    Object.assign(this, parseSettings(storage?.getItem(KEY)));
  }

  /** Keeps them. Where that fails, they count until the page is closed. */
  save(): void {
    const { theme, isSmooth, dtype, weights, computesOn } = this;
    try {
      this.#storage?.setItem(KEY, JSON.stringify({ theme, isSmooth, dtype, weights, computesOn } satisfies Kept));
    } catch {
      // No room, or not allowed.
    }
  }
}

/** Kept settings, with the default for whatever is missing or unknown. */
export function parseSettings(text: string | null | undefined): Kept {
  let kept: Readonly<Record<string, unknown>> = {};
  try {
    kept = Object(JSON.parse(text ?? "{}")) as Record<string, unknown>;
  } catch {
    // Not ours: the defaults.
  }
  const choose = <Name extends keyof Kept>(name: Name): Kept[Name] =>
    ALLOWED[name].find((value) => value === kept[name]) ?? DEFAULTS[name];
  return {
    theme: choose("theme"),
    isSmooth: choose("isSmooth"),
    dtype: choose("dtype"),
    weights: choose("weights"),
    computesOn: choose("computesOn"),
  };
}

/** The storage of the browser; undefined where the person has turned it off. */
export function browserStorage(): Storage | undefined {
  try {
    return localStorage;
  } catch {
    return undefined;
  }
}
