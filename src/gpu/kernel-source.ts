import { InternalError } from "../platform/internal-error.js";
import type { kernels } from "./kernel-sources.js";

/** What the generator reads from a kernel file (scripts/generate-kernels.js describes the format). */
export interface KernelSource {
  /** WGSL with the lib files included and every declaration at its default. Empty until the kernel's group is loaded. */
  readonly code: string;
  /** The group that its WGSL is loaded with: see `loadKernels`. Default: it is there at once. */
  readonly later?: string;
  /** WGSL extensions that every variant needs. */
  readonly extensions: readonly string[];
  /** Names of files of which a variant chooses one, by kind; the first is the default. */
  readonly choices: Readonly<Record<string, readonly string[]>>;
  /** Names of storage types: `alias Element = f32;`. */
  readonly aliases: readonly string[];
  /** Names and defaults of constants that specialisation may change. */
  readonly constants: Readonly<Record<string, number>>;
  /** Constants of this file that never change; those of lib files are in `libs`. */
  readonly fixed: Readonly<Record<string, number | boolean>>;
  readonly overrides: Readonly<
    Record<string, { readonly type: "bool" | "u32" | "i32" | "f32"; readonly default: number | boolean }>
  >;
  /** Invocations of a workgroup, with overrides at their defaults. */
  readonly workgroup: readonly [x: number, y: number, z: number];
  /** Storage buffers in the order of their binding numbers; `params` is bound after them. */
  readonly bindings: readonly { readonly name: string; readonly access: "read" | "read_write" }[];
  /** Fields of the uniform `Params`, in order, four bytes each. Empty if the kernel has no uniform. */
  readonly params: readonly (readonly [name: string, type: "u32" | "i32" | "f32"])[];
}

/** The lines of files that the code of a kernel consists of, in order. */
export interface KernelFiles {
  readonly files: readonly (readonly [file: string, firstLine: number, count: number])[];
}

type Kernels = typeof kernels;

/** Name of a file in kernels/, in camelCase. */
export type KernelName = keyof Kernels;
/** Name of a storage buffer that the kernel binds. */
export type BindingName<K extends KernelName> = Kernels[K]["bindings"][number]["name"];
/** Name of a field of the kernel's uniform. */
export type ParamName<K extends KernelName> = Kernels[K]["params"][number][0];
/** Name of a constant that specialisation may change. */
export type ConstantName<K extends KernelName> = keyof Kernels[K]["constants"];
/** Name of a pipeline-overridable constant. */
export type OverrideName<K extends KernelName> = keyof Kernels[K]["overrides"];
/** Name of a storage type that specialisation may turn into f16. */
export type AliasName<K extends KernelName> = Kernels[K]["aliases"][number];

/** Files that a variant of the kernel may choose, by kind. */
export type ChoicesOf<K extends KernelName> = {
  readonly [Kind in keyof Kernels[K]["choices"]]: Kernels[K]["choices"][Kind] extends readonly (infer Name)[]
    ? Name
    : never;
};

/** A file that a variant may choose. */
interface Alternative {
  readonly file: string;
  /** Number of its lines. */
  readonly lines: number;
  readonly code: string;
}

/** Type in which a kernel stores elements. It computes in f32 in both cases. */
export type StorageType = "f32" | "f16";

/** The fields of a kernel that specialisation reads. */
type Specialisable = Pick<KernelSource, "code" | "extensions" | "aliases" | "constants">;

/** Choices for one variant of a kernel. Everything else keeps its default. */
export interface Specialisation<S extends Specialisable> {
  readonly types?: Readonly<Partial<Record<S["aliases"][number], StorageType>>>;
  readonly constants?: Readonly<Partial<Record<keyof S["constants"], number>>>;
}

/**
 * WGSL of one variant: rewrites the right-hand sides of the named `alias` and `const` declarations and puts an
 * `enable` line in front for the extensions of the kernel, and for f16 where a storage type is f16. Throws `InternalError` for a name that the kernel does not declare, and
 * for a value that does not fit the type of the constant.
 */
export function specialise<S extends Specialisable>(source: S, { types, constants }: Specialisation<S>): string {
  let code: string = source.code;
  const chosenTypes: Partial<Record<string, StorageType>> = types ?? {};
  const chosenConstants: Partial<Record<string, number>> = constants ?? {};
  for (const [name, type] of Object.entries(chosenTypes)) {
    if (type === undefined) continue;
    code = rewrite(code, new RegExp(`^(alias ${name} = )(f32)(?=;)`, "m"), () => type, `storage type ${name}`);
  }
  for (const [name, value] of Object.entries(chosenConstants)) {
    if (value === undefined) continue;
    const declaration = new RegExp(`^(const ${name}: (u32|i32|f32) = )([^;]+)(?=;.*//:\\s*const\\b)`, "m");
    code = rewrite(code, declaration, (type) => constantLiteral(name, type, value), `constant ${name}`);
  }
  const extensions = [...source.extensions, ...(Object.values(chosenTypes).includes("f16") ? ["f16"] : [])];
  return extensions.length > 0 ? `${ENABLE}${extensions.join(", ")};\n${code}` : code;
}

const ENABLE = "enable ";

/**
 * Returns a kernel with the chosen files in place of its default ones, also in `files` if it has them. Throws `InternalError` for
 * a file that it does not name.
 */
export function withChoices<S extends Pick<KernelSource, "code" | "choices"> & Partial<KernelFiles>>(
  source: S,
  choices: Readonly<Record<string, string | undefined>>,
  alternatives: Readonly<Record<string, Readonly<Record<string, Alternative>>>>,
): S {
  let chosen = source;
  for (const [kind, name] of Object.entries(choices)) {
    const names = source.choices[kind] ?? [];
    const [from, to] = [alternatives[kind]?.[names[0] ?? ""], alternatives[kind]?.[name ?? names[0] ?? ""]];
    if (!from || !to || !names.includes(name ?? names[0]!)) {
      throw new InternalError(`The kernel has no ${kind} "${name ?? ""}" to choose.`);
    }
    if (from === to) continue;
    const at = chosen.code.indexOf(from.code);
    chosen = {
      ...chosen,
      code: chosen.code.slice(0, at) + to.code + chosen.code.slice(at + from.code.length),
      ...(chosen.files && {
        files: chosen.files.map((run) => (run[0] === from.file ? ([to.file, 1, to.lines] as const) : run)),
      }),
    };
  }
  return chosen;
}

/**
 * Returns where a line of the WGSL of a variant, counted from 1, is in the files of the kernel; undefined for an added
 * line.
 */
export function sourcePlace(
  { files }: KernelFiles,
  wgsl: string,
  line: number,
): { readonly file: string; readonly line: number } | undefined {
  let left = line - (wgsl.startsWith(ENABLE) ? 1 : 0);
  if (left < 1) return undefined;
  for (const [file, firstLine, count] of files) {
    if (left <= count) return { file, line: firstLine + left - 1 };
    left -= count;
  }
  return undefined;
}

function rewrite(code: string, declaration: RegExp, literal: (type: string) => string, what: string): string {
  if (!declaration.test(code))
    throw new InternalError(`The kernel declares no ${what} that specialisation may change.`);
  return code.replace(declaration, (_, left: string, type: string) => left + literal(type));
}

function constantLiteral(name: string, type: string, value: number): string {
  const fits = type === "f32" ? Number.isFinite(value) : Number.isSafeInteger(value) && (type === "i32" || value >= 0);
  if (!fits) throw new InternalError(`Constant ${name} is ${value}; expected a ${type}.`);
  if (type === "u32") return `${value}u`;
  if (type === "i32") return `${value}i`;
  return Number.isInteger(value) ? `${value.toFixed(1)}f` : `${value}f`;
}
