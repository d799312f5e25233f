/** Names and shapes of a state dict: all that a dialect or an option is read from. */
export type Header = ReadonlyMap<string, { readonly shape: readonly number[] }>;

export type Shape = readonly number[];

/** The tensors below a path of a state dict, under their names from there on. */
export class TensorScope {
  readonly #shapes: ReadonlyMap<string, Shape>;

  constructor(
    header: Header,
    /** What the names of the state dict begin with, such as `unets.0.`; empty for all of it. */
    readonly prefix = "",
  ) {
    const own = [...header].filter(([name]) => name.startsWith(prefix));
    this.#shapes = new Map(own.map(([name, { shape }]) => [name.slice(prefix.length), shape]));
  }

  get names(): Iterable<string> {
    return this.#shapes.keys();
  }

  shape(name: string): Shape | undefined {
    return this.#shapes.get(name);
  }

  has(name: string): boolean {
    return this.#shapes.has(name);
  }

  /** The first name that matches and whose shape passes. */
  find(pattern: RegExp, accepts: (shape: Shape) => boolean = () => true): string | undefined {
    for (const [name, shape] of this.#shapes) if (pattern.test(name) && accepts(shape)) return name;
    return undefined;
  }

  /**
   * Length of the module list at a path: one more than the largest index below it. An index beyond the number of tensors
   * is no module's, since those before it would have some: it must not make a list of billions.
   */
  length(list: string): number {
    let length = 0;
    for (const name of this.#shapes.keys()) {
      const index = name.startsWith(`${list}.`) ? Number.parseInt(name.slice(list.length + 1), 10) : -1;
      if (index >= length && index < this.#shapes.size) length = index + 1;
    }
    return length;
  }
}
