/** Names and shapes of a state dict, from which dialects and options are inferred. */
export type Header = ReadonlyMap<string, { readonly shape: readonly number[] }>;

export type Shape = readonly number[];

/** The tensors below a path of a state dict, under the rest of their names. */
export class TensorScope {
  readonly #shapes: ReadonlyMap<string, Shape>;

  constructor(
    header: Header,
    /** The prefix of the names, such as `unets.0.`; empty for the whole state dict. */
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

  /** The first name that matches and whose shape is accepted. */
  find(pattern: RegExp, accepts: (shape: Shape) => boolean = () => true): string | undefined {
    for (const [name, shape] of this.#shapes) if (pattern.test(name) && accepts(shape)) return name;
    return undefined;
  }

  /**
   * Length of the module list at a path: the largest index below it plus one. An index beyond the number of tensors does not
   * count, because earlier modules would have tensors too: it must not make a list of billions.
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
