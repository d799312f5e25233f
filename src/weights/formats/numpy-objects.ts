// numpy arrays in a pickle, as data: each is a tensor whose elements are in the pickle itself.
// https://github.com/numpy/numpy/blob/1f90bbb55e65e7de68921bc3f1a2d94492fdf689/numpy/_core/src/multiarray/methods.c#L2077-L2319
import { elementCount, isCountable, toNumbers } from "../dtypes.js";
import { excerpt } from "../../platform/printable.js";
import { numpyType, torchType, type ElementType } from "./element-types.js";
import type { Budget } from "./budget.js";
import type { Call } from "./pickle-calls.js";
import { byteStringBytes } from "./pickle-text.js";
import { describeValue, PythonName, Stateful } from "./pickle-values.js";
import { swapBytes } from "./element-bytes.js";
import { isSizes, StorageRef, TensorRef, viewStorage, type TensorDescription } from "./torch-objects.js";

/** A numpy element type: a code such as `f4`, and the byte order, which its state has. */
export class NumpyDtype extends Stateful {
  readonly code: string;
  readonly type: ElementType | undefined;
  isBigEndian: boolean;

  constructor(code: unknown) {
    super();
    const text = typeof code === "string" ? excerpt(code, 40) : "";
    this.code = code instanceof PythonName ? excerpt(code.name, 40) : text.replace(/^[<>=|]/, "");
    this.type = code instanceof PythonName ? torchType(code.name) : numpyType(this.code);
    this.isBigEndian = text.startsWith(">");
  }

  override setState(state: unknown): void {
    const order: unknown = Array.isArray(state) ? state[1] : undefined;
    if (typeof order === "string" && order !== "|") this.isBigEndian = order === ">";
  }
}

/** An array that gets its content as state: (version, shape, dtype, column-major, elements). */
export class NumpyArray extends TensorRef {
  constructor(
    private readonly source: string,
    private readonly budget: Budget,
  ) {
    super({ typeName: "numpy array", shape: [], problem: "a numpy array without its content" });
  }

  override setState(state?: unknown): void {
    const parts = Array.isArray(state) ? (state as readonly unknown[]).slice(-4) : [];
    const [shape, dtype, isFortran, content] = parts;
    this.description = describeArray({ shape, dtype, isFortran, content }, this.source, this.budget);
  }
}

interface ArrayParts {
  readonly shape: unknown;
  readonly dtype: unknown;
  readonly isFortran: unknown;
  readonly content: unknown;
}

function describeArray(parts: ArrayParts, source: string, budget: Budget): TensorDescription {
  const { shape, dtype, isFortran, content } = parts;
  const name = dtype instanceof NumpyDtype ? dtype.code : describeValue(dtype);
  const type = dtype instanceof NumpyDtype ? dtype.type : undefined;
  const unreadable = (problem: string): TensorDescription => ({
    typeName: type?.dtype ?? type?.name ?? `numpy ${name}`,
    shape: isSizes(shape) ? shape : [],
    problem,
  });
  if (!isSizes(shape) || !(dtype instanceof NumpyDtype)) return unreadable("a numpy array of unknown layout");
  if (!type) return unreadable(`numpy arrays of type ${name} are not supported`);
  const bytes = isCountable(shape, type.bytes)
    ? contentBytes(content, elementCount(shape) * type.bytes, budget)
    : undefined;
  if (!bytes) return unreadable("a numpy array whose content does not have the length of its shape");
  const elements = elementCount(shape);
  const stored = { bytes, isBigEndian: dtype.isBigEndian };
  const storage = new StorageRef("within the pickle", type, elements, [0, elements], stored);
  const strides = isFortran === true || isFortran === 1 ? columnStrides(shape) : rowStrides(shape);
  return viewStorage(storage, { offset: 0, shape, strides, type }, source).described;
}

function contentBytes(content: unknown, length: number, budget: Budget): Uint8Array | undefined {
  if (content instanceof Uint8Array) return content.length === length ? content : undefined;
  if (typeof content !== "string") return undefined;
  // Python 2 has no bytes type, only strings.
  budget.spend(content.length >> 2);
  budget.hold(length >> 3);
  return byteStringBytes(content, length);
}

function rowStrides(shape: readonly number[]): number[] {
  return shape.map((_, axis) => elementCount(shape.slice(axis + 1)));
}

function columnStrides(shape: readonly number[]): number[] {
  return shape.map((_, axis) => elementCount(shape.slice(0, axis)));
}

/** A numpy scalar, if JavaScript can represent it. */
function scalar(dtype: unknown, content: unknown, budget: Budget): number | boolean | undefined {
  if (!(dtype instanceof NumpyDtype) || !dtype.type?.dtype) return undefined;
  const { bytes: length, dtype: type } = dtype.type;
  const bytes = contentBytes(content, length, budget);
  if (!bytes) return undefined;
  const ordered = Uint8Array.from(bytes);
  if (dtype.isBigEndian) swapBytes(ordered, length);
  const value = toNumbers(type, ordered)[0]!;
  return type === "BOOL" ? value !== 0 : value;
}

/** Makes the values of numpy's own functions; undefined for any other call. */
export function constructNumpy({ type, args }: Call, source: string, budget: Budget): unknown {
  // numpy.core became numpy._core in numpy 2.
  switch (type.toString().replace(/^numpy\.core\./, "numpy._core.")) {
    case "numpy.dtype":
      return new NumpyDtype(args[0]);
    case "numpy._core.multiarray._reconstruct":
      return new NumpyArray(source, budget);
    case "numpy._core.multiarray.scalar":
      return scalar(args[0], args[1], budget);
    case "numpy._core.numeric._frombuffer": {
      const [content, dtype, shape, order] = args;
      return new TensorRef(describeArray({ shape, dtype, isFortran: order === "F", content }, source, budget));
    }
    default:
      return undefined;
  }
}
