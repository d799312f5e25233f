import type { Component } from "svelte";

/** Parts of the page that are loaded after the first view. */
const parts: { readonly load: () => Promise<void> }[] = [];

let onFailure: () => void = () => undefined;

/** A component that is loaded when it is first needed, or before, when the page has nothing else to do. */
export class LaterPart<Props extends object> {
  /** Undefined until it is loaded. */
  component: Component<Props> | undefined = $state.raw();
  readonly #import: () => Promise<{ readonly default: Component<Props> }>;
  #loading: Promise<void> | undefined;

  constructor(load: () => Promise<{ readonly default: Component<Props> }>) {
    this.#import = load;
    parts.push(this);
  }

  /** Loads it, once. Rejects if that fails; the next call tries again. */
  load(): Promise<void> {
    this.#loading ??= this.#import().then(
      ({ default: component }) => {
        this.component = component;
      },
      (error: unknown) => {
        this.#loading = undefined;
        throw error;
      },
    );
    return this.#loading;
  }

  /** Loads it for a person who waits for it: a failure is told. */
  need(): void {
    this.load().catch(() => {
      onFailure();
    });
  }
}

/** A component that `Later.svelte` shows. */
export function later<Props extends object>(
  load: () => Promise<{ readonly default: Component<Props> }>,
): LaterPart<Props> {
  return new LaterPart(load);
}

/** Says who is told if a part that is needed cannot be loaded. */
export function tellOfFailures(listener: () => void): void {
  onFailure = listener;
}

/** Loads all parts, one after the other, so that they are there when they are needed. What fails is loaded when it is needed. */
export async function loadParts(): Promise<void> {
  for (const part of parts) await part.load().catch(() => undefined);
}
