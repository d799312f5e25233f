import { z } from "zod";
import { checkValue } from "../config/config-error.js";
import { openSource, resolveBeside } from "../files/open.js";
import { JsonError, parseJson } from "../platform/json.js";
import { checkSize, MAX_BYTES } from "../platform/limits.js";
import type { ByteSource } from "../platform/source.js";
import { openCheckpoint, type Checkpoint } from "../weights/checkpoint.js";
import { dialectForVersion, type Dialect } from "../models/dalle2-pytorch/dialect/dialect.js";
import type { HostTensor } from "../tensor/host-tensor.js";
import { toFloat32 } from "../weights/dtypes.js";
import { FormatError } from "../weights/errors.js";
import { openSafetensors } from "../weights/formats/safetensors.js";
import type { TensorEntry } from "../weights/tensor-entry.js";

const headerSchema = z.looseObject({
  name: z.string(),
  kind: z.string(),
  /** "dalle2_pytorch 1.14.2, torch 1.13.0a0" */
  reference: z.string().regex(/^dalle2_pytorch \d[\w.]*/),
  checkpoint: z.string().optional(),
  config: z.string().optional(),
});

/**
 * A folder with a case that the reference computed: `fixture.json` (what was run), `io.safetensors` (`in.*`, `out.*`,
 * `noise.N`) and checkpoints. The folder is a path or an http(s) URL.
 */
export class Fixture {
  readonly #open: { close(): Promise<void> }[] = [];
  #io: Promise<ReadonlyMap<string, TensorEntry>> | undefined;

  private constructor(
    readonly folder: string,
    private readonly header: z.output<typeof headerSchema>,
  ) {}

  /** Reads `fixture.json`. Rejects with FileError, or FormatError where that is not what a fixture has. */
  static async open(folder: string): Promise<Fixture> {
    const file = `${folder}/fixture.json`;
    return new Fixture(folder, checked(headerSchema, await readJson(file), file));
  }

  get name(): string {
    return this.header.name;
  }

  get kind(): string {
    return this.header.kind;
  }

  /** The version of DALLE2-pytorch that computed the outputs. */
  get version(): string {
    return this.header.reference.split(/[ ,]+/)[1]!;
  }

  /** What that version computes, its samplers with their bugs: the outputs have them too. */
  get dialect(): Dialect {
    return dialectForVersion(this.version, { sampler: "as-written" });
  }

  /** `fixture.json` in the form that a kind of fixture has. Throws FormatError. */
  info<Schema extends z.ZodType>(schema: Schema): z.output<Schema> {
    return checked(schema, this.header, `${this.folder}/fixture.json`);
  }

  /** A place in `fixture.json`, for messages. */
  place(...path: readonly string[]): { readonly file: string; readonly path: readonly string[] } {
    return { file: `${this.folder}/fixture.json`, path };
  }

  /** Names in `io.safetensors` that start with `prefix`. */
  async names(prefix: string): Promise<string[]> {
    return [...(await this.io()).keys()].filter((name) => name.startsWith(prefix)).sort();
  }

  async has(name: string): Promise<boolean> {
    return (await this.io()).has(name);
  }

  /** A tensor of `io.safetensors`. Rejects with FormatError if it is not there. */
  async tensor(name: string): Promise<HostTensor> {
    const tensor = await this.tensorIfAny(name);
    if (!tensor) throw new FormatError(`${this.folder}/io.safetensors`, `there is no tensor ${name}`);
    return tensor;
  }

  /** A tensor of `io.safetensors`, if it is there. */
  async tensorIfAny(name: string): Promise<HostTensor | undefined> {
    const entry = (await this.io()).get(name);
    return entry && { shape: entry.shape, data: toFloat32(entry.dtype, await entry.read()) };
  }

  /** Opens a checkpoint of the fixture, by default the one that `fixture.json` names; `close` closes it. */
  async checkpoint(file = this.header.checkpoint): Promise<Checkpoint> {
    if (file === undefined) throw new FormatError(`${this.folder}/fixture.json`, "it names no checkpoint");
    return this.keep(await openCheckpoint(await this.file(file)));
  }

  /** The train config beside the checkpoint, for checkpoints that hold none; undefined where `fixture.json` names none. */
  async config(): Promise<unknown> {
    const { config } = this.header;
    return config === undefined ? undefined : readJson(resolveBeside(`${this.folder}/fixture.json`, config));
  }

  /** Closes every file that was opened. */
  async close(): Promise<void> {
    for (const opened of this.#open.splice(0)) await opened.close();
  }

  private io(): Promise<ReadonlyMap<string, TensorEntry>> {
    this.#io ??= this.file("io.safetensors").then(async (source) => {
      this.keep(source);
      return (await openSafetensors(source)).tensors;
    });
    return this.#io;
  }

  private file(name: string): Promise<ByteSource> {
    return openSource(resolveBeside(`${this.folder}/fixture.json`, name));
  }

  private keep<T extends { close(): Promise<void> }>(opened: T): T {
    this.#open.push(opened);
    return opened;
  }
}

/** From a path or an URL. Rejects with FileError, or FormatError where it is not JSON. */
async function readJson(location: string): Promise<unknown> {
  const source = await openSource(location);
  try {
    checkSize(location, source.size, MAX_BYTES.config);
    const bytes = await source.read(0, source.size);
    return parseJson(new TextDecoder().decode(bytes));
  } catch (cause) {
    if (!(cause instanceof JsonError)) throw cause;
    throw new FormatError(location, cause.message, { cause });
  } finally {
    await source.close();
  }
}

function checked<Schema extends z.ZodType>(schema: Schema, value: unknown, source: string): z.output<Schema> {
  const { data, faults } = checkValue(schema, value);
  if (faults) throw new FormatError(source, `not the description of such a fixture: ${faults.join("; ")}`);
  return data;
}
