import type { Grid } from "../gpu/grid.js";
import type { BindingName, KernelName, KernelSource, ParamName } from "../gpu/kernel-source.js";
import { kernels } from "../gpu/kernel-sources.js";
import type { Variant } from "../gpu/pipelines.js";
import { ALIGNMENT } from "../gpu/pool.js";
import type { StorageRange } from "../gpu/storage.js";
import type { CommandStream } from "../gpu/stream.js";
import { partsOf, wholeOf, type Operand, type Part, type Space } from "./parts.js";

/** Parameters and grid of a part. */
interface PartCall<K extends KernelName> {
  readonly params: Readonly<Record<ParamName<K>, number>>;
  readonly grid: Grid;
}

/** A run of a kernel that is split if one of its operands is larger than a binding may be. */
interface SplittableDispatch<K extends KernelName> extends Variant<K> {
  /** Name of the operation, for errors. */
  readonly op: string;
  /** Samples and lines of the result. */
  readonly space: Space;
  /** By binding. Each part gets a storage whole, and of an operand what it uses. */
  readonly operands: Readonly<Record<BindingName<K>, Operand | StorageRange | undefined>>;
  /** Returns parameters and grid for a part, whose operands begin with what the part uses. */
  readonly call: (part: Part) => PartCall<K>;
}

/** What a kernel binds, by binding. */
type Bindings = Readonly<Record<string, StorageRange | undefined>>;

/**
 * Dispatches a kernel: once, on whole storages, if the adapter can bind them; otherwise in parts. Throws `GpuLimitError` if the
 * parts cannot be made small enough.
 */
export function dispatch<K extends KernelName>(stream: CommandStream, kernel: K, call: SplittableDispatch<K>): void {
  const { op, space, operands } = call;
  const limit = stream.maxBindingSize;
  if (!isAnyLarger(operands, limit)) {
    dispatchWhole(stream, kernel, call, operands, wholeOf(space));
    return;
  }
  const cut = operandsOf(operands);
  for (const part of partsOf(op, space, [...cut.values()], limit)) dispatchCut(stream, kernel, call, cut, part);
}

/** Dispatches a kernel for one part of its result, which must not need more of an operand than the adapter can bind. */
export function dispatchPart<K extends KernelName>(
  stream: CommandStream,
  kernel: K,
  call: SplittableDispatch<K>,
  part: Part,
): void {
  const isAll = part.count === call.space.samples * call.space.lines;
  if (isAll && !isAnyLarger(call.operands, stream.maxBindingSize)) {
    dispatchWhole(stream, kernel, call, call.operands, part);
  } else {
    dispatchCut(stream, kernel, call, operandsOf(call.operands), part);
  }
}

function dispatchWhole<K extends KernelName>(
  stream: CommandStream,
  kernel: K,
  { types, constants, overrides, choices, call }: SplittableDispatch<K>,
  bindings: Bindings,
  part: Part,
): void {
  stream.dispatch(kernel, { types, constants, overrides, choices, bindings, ...call(part) });
}

/** The operands by binding, of which parts use only some elements. */
function operandsOf(operands: Bindings): ReadonlyMap<string, Operand> {
  const named = Object.entries<Operand | StorageRange | undefined>(operands)
    .filter(([, operand]) => operand !== undefined)
    .map(([name, operand]) => [name, asOperand(operand!)] as const);
  return new Map(named);
}

function isAnyLarger(operands: Bindings, limit: number): boolean {
  for (const name in operands) {
    const operand = operands[name];
    if (operand !== undefined && operand.byteLength > limit) return true;
  }
  return false;
}

/** Parts use all of what is no operand. */
function asOperand(range: Operand | StorageRange): Operand {
  if ("spans" in range) return range;
  const { storage, offset, byteLength } = range;
  const all = { start: offset, end: offset + byteLength };
  return { storage, offset, byteLength, elementBytes: 1, spans: () => [all] };
}

/** Dispatches a kernel on what a part uses of the operands. */
function dispatchCut<K extends KernelName>(
  stream: CommandStream,
  kernel: K,
  call: SplittableDispatch<K>,
  operands: ReadonlyMap<string, Operand>,
  part: Part,
): void {
  const { bindings: declared }: KernelSource = kernels[kernel];
  const bindings: Record<string, StorageRange | undefined> = {};
  const written: Copied[] = [];
  const copied: Copied[] = [];
  for (const { name, access } of declared) {
    const ranges = rangesOf(operands.get(name), part);
    const [range] = ranges;
    if (ranges.length <= 1 && (!range || range.offset % ALIGNMENT === 0)) {
      bindings[name] = range;
      continue;
    }
    const copy = copyTogether(stream, ranges);
    bindings[name] = copy.whole;
    copied.push(copy);
    if (access === "read_write") written.push(copy);
  }
  dispatchWhole(stream, kernel, call, bindings, part);
  for (const { ranges, copies } of written) {
    for (const [i, range] of ranges.entries()) stream.copy(copies[i]!, range);
  }
  for (const { whole } of copied) whole.release();
}

/** Where the spans of an operand are; those without elements are left out. */
function rangesOf(operand: Operand | undefined, part: Part): StorageRange[] {
  if (!operand) return [];
  const { storage, elementBytes, spans } = operand;
  return spans(part)
    .filter(({ start, end }) => end > start)
    .map(({ start, end }) => ({ storage, offset: start * elementBytes, byteLength: (end - start) * elementBytes }));
}

/** Ranges, and where they were copied: one after the other in a storage that the caller releases. */
type Copied = ReturnType<typeof copyTogether>;

/** Copies ranges that a kernel cannot bind where they are: there are several, or the range begins where no binding may. */
function copyTogether(stream: CommandStream, ranges: readonly StorageRange[]) {
  const bytes = ranges.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const whole = stream.allocate(bytes, `copy of a part of ${ranges[0]!.storage.label}`);
  let offset = 0;
  const copies = ranges.map((range) => {
    const copy = { storage: whole, offset, byteLength: range.byteLength };
    stream.copy(range, copy);
    offset += range.byteLength;
    return copy;
  });
  return { whole, ranges, copies };
}
