// The functions that torch's pickles call to make tensors, as data: tensors become descriptions of where their elements are.
// (torch 2, torch/_utils.py, _rebuild_tensor_v2 and its like)
import { excerpt } from "../../platform/printable.js";
import type { Budget } from "./budget.js";
import { torchType } from "./element-types.js";
import type { Call } from "./pickle-calls.js";
import { OpaqueObject, PythonName } from "./pickle-values.js";
import { isSizes, StorageRef, TensorRef, viewStorage, type Layout } from "./torch-objects.js";

type Args = readonly unknown[];
/** Undefined if the arguments do not fit the function: the call becomes an opaque object. */
type Rebuild = (args: Args, source: string) => unknown;

/** A parameter becomes its tensor; whether it was trained is not needed. */
const itself: Rebuild = ([tensor]) => tensor ?? undefined;
const ifTensor: Rebuild = ([tensor]) => (tensor instanceof TensorRef ? tensor : undefined);

/** `_rebuild_tensor(storage, offset, size, stride)`, in version 2 with (requires_grad, hooks, metadata). */
const typed: Rebuild = ([storage, offset, shape, strides, , , metadata], source) => {
  const layout = { offset, shape, strides, isNegated: isNegated(metadata) };
  return overStorage(storage, (found) => ({ ...layout, type: found.type }), shape, source);
};

/** Version 3 views an untyped storage: (storage, offset, size, stride, requires_grad, hooks, dtype, metadata). */
const untyped: Rebuild = ([storage, offset, shape, strides, , , dtype, metadata], source) => {
  const type = dtype instanceof PythonName && dtype.module === "torch" ? torchType(dtype.name) : undefined;
  return overStorage(storage, () => ({ offset, shape, strides, type, isNegated: isNegated(metadata) }), shape, source);
};

function overStorage(storage: unknown, layout: (storage: StorageRef) => Layout, shape: unknown, source: string) {
  if (!(storage instanceof StorageRef)) return unreadable("unknown", shape, "its storage is not in this file");
  return viewStorage(storage, layout(storage), source);
}

const quantised: Rebuild = ([storage, , shape]) =>
  unreadable(
    storage instanceof StorageRef ? storage.type?.name : undefined,
    shape,
    "quantised values are not supported",
  );

const sparse: Rebuild = ([, data]) => {
  if (!Array.isArray(data)) return undefined;
  // (indices, values, size, is_coalesced), or (compressed indices, plain indices, values, size).
  const parts = data as readonly unknown[];
  const valuesAt = parts.length === 4 && isSizes(parts[3]) ? 2 : 1;
  const values = parts[valuesAt];
  const shape = parts[valuesAt + 1];
  const type = values instanceof TensorRef ? values.typeName : "";
  return unreadable(`sparse ${type}`.trim(), shape, "sparse tensors are not supported; save it with to_dense()");
};

const meta: Rebuild = ([dtype, shape]) => unreadable(dtypeName(dtype), shape, "a meta tensor has no values");
const wrapper: Rebuild = ([, dtype, shape]) =>
  unreadable(dtypeName(dtype), shape, "a tensor that wraps others has no values of its own");
const nested: Rebuild = ([buffer]) =>
  unreadable(
    buffer instanceof TensorRef ? `nested ${buffer.typeName}` : "nested",
    [],
    "nested tensors are not supported; save their parts",
  );
const uninitialized: Rebuild = () => unreadable("uninitialized", [], "its values were never set");

const REBUILDS: ReadonlyMap<string, Rebuild> = new Map<string, Rebuild>([
  ["torch._utils._rebuild_tensor", typed],
  ["torch._utils._rebuild_tensor_v2", typed],
  ["torch._utils._rebuild_tensor_v3", untyped],
  ["torch._utils._rebuild_parameter", itself],
  ["torch._utils._rebuild_parameter_with_state", itself],
  ["torch.nn.parameter.Parameter", ifTensor],
  ["torch.nn.parameter.Buffer", ifTensor],
  ["torch.Size", itself],
  // XLA and other devices without storages: the values are a CPU tensor or a numpy array.
  ["torch._utils._rebuild_device_tensor_from_cpu_tensor", ifTensor],
  ["torch._utils._rebuild_device_tensor_from_numpy", ifTensor],
  ["torch._utils._rebuild_xla_tensor", ifTensor],
  ["torch._utils._rebuild_mlc_tensor", ifTensor],
  ["torch._utils._rebuild_ort_tensor", ifTensor],
  ["torch._utils._rebuild_hpu_tensor", ifTensor],
  ["torch._utils._rebuild_qtensor", quantised],
  ["torch._utils._rebuild_sparse_tensor", sparse],
  ["torch._utils._rebuild_sparse_csr_tensor", sparse],
  ["torch._utils._rebuild_meta_tensor_no_storage", meta],
  ["torch._utils._rebuild_wrapper_subclass", wrapper],
  ["torch._utils._rebuild_nested_tensor", nested],
  ["torch.nn.parameter.UninitializedParameter", uninitialized],
  ["torch.nn.parameter.UninitializedBuffer", uninitialized],
]);

/**
 * Subclasses, and tensors with attributes: (function, class, arguments, state). torch._tensor was once named torch.tensor.
 */
const FROM_TYPE = /^torch\._?tensor\._rebuild_from_type(_v2)?$/;

/** Makes the values of torch's own functions; undefined for any other call. Throws FormatError. */
export function constructTorch({ type, args }: Call, source: string, budget: Budget): unknown {
  let name = type.toString();
  let given = args;
  // The function and the arguments may be such a call themselves, at any depth.
  while (FROM_TYPE.test(name)) {
    const [inner, , innerArgs] = given;
    if (!(inner instanceof PythonName) || !Array.isArray(innerArgs)) return undefined;
    budget.spend(4 + (inner.length >> 3));
    name = inner.toString();
    given = innerArgs as Args;
  }
  return REBUILDS.get(name)?.(given, source);
}

function isNegated(metadata: unknown): boolean {
  return metadata instanceof Map && metadata.get("neg") === true;
}

function unreadable(typeName: string | undefined, shape: unknown, problem: string): TensorRef {
  return TensorRef.unreadable(typeName ?? "unknown", isSizes(shape) ? shape : [], problem);
}

function dtypeName(dtype: unknown): string {
  if (dtype instanceof PythonName) return torchType(dtype.name)?.dtype ?? excerpt(dtype.name, 40);
  return dtype instanceof OpaqueObject ? excerpt(dtype.type.name, 40) : "unknown";
}
