// Writes ONNX models of a few nodes: https://github.com/onnx/onnx/blob/v1.17.0/onnx/onnx.proto

import type { HostData } from "../lib/host-data.js";

/** Element types, attribute types and wire types of the format. */
const FLOAT = 1;
const INT64 = 7;
const ATTRIBUTE_FLOAT = 1;
const ATTRIBUTE_INT = 2;
const ATTRIBUTE_STRING = 3;
const ATTRIBUTE_INTS = 7;
const VARINT = 0;
const BYTES = 2;
const FIXED32 = 5;
const IR_VERSION = 8;
const OPSET = 17;
export const MICROSOFT = "com.microsoft";

type Attribute = number | string | readonly number[] | { readonly float: number };

/** Integers for shapes and axes. */
export interface Integers {
  readonly integers: readonly number[];
}

export interface OnnxNode {
  readonly type: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly attributes?: Readonly<Record<string, Attribute>>;
  readonly domain?: string;
}

export interface OnnxModel {
  readonly nodes: readonly OnnxNode[];
  /** Shapes by name, in the order of the operation's inputs. */
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  /** The output is called "y". */
  readonly output: readonly number[];
  readonly constants?: Readonly<Record<string, HostData | Integers>>;
}

/** A message of protocol buffers. */
class Message {
  readonly #parts: Uint8Array[] = [];

  #varint(value: number | bigint): this {
    let rest = BigInt.asUintN(64, BigInt(value));
    const bytes: number[] = [];
    do {
      bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
      rest >>= 7n;
    } while (rest > 0n);
    this.#parts.push(Uint8Array.from(bytes));
    return this;
  }

  int(field: number, value: number | bigint): this {
    return this.#varint((field << 3) | VARINT).#varint(value);
  }

  float(field: number, value: number): this {
    this.#varint((field << 3) | FIXED32);
    this.#parts.push(new Uint8Array(Float32Array.of(value).buffer));
    return this;
  }

  bytes(field: number, value: Message | string | Float32Array | BigInt64Array): this {
    const bytes =
      value instanceof Message
        ? value.encoded()
        : typeof value === "string"
          ? new TextEncoder().encode(value)
          : new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    this.#varint((field << 3) | BYTES).#varint(bytes.length);
    this.#parts.push(bytes);
    return this;
  }

  encoded(): Uint8Array {
    return Uint8Array.from(Buffer.concat(this.#parts));
  }
}

function attribute(name: string, value: Attribute): Message {
  const message = new Message().bytes(1, name);
  if (typeof value === "number") return message.int(3, value).int(20, ATTRIBUTE_INT);
  if (typeof value === "string") return message.bytes(4, value).int(20, ATTRIBUTE_STRING);
  if ("float" in value) return message.float(2, value.float).int(20, ATTRIBUTE_FLOAT);
  for (const one of value) message.int(8, one);
  return message.int(20, ATTRIBUTE_INTS);
}

function node({ type, inputs, output, attributes = {}, domain }: OnnxNode): Message {
  const message = new Message();
  for (const input of inputs) message.bytes(1, input);
  message.bytes(2, output).bytes(3, output).bytes(4, type);
  for (const [name, value] of Object.entries(attributes)) message.bytes(5, attribute(name, value));
  return domain === undefined ? message : message.bytes(7, domain);
}

function tensor(name: string, value: HostData | Integers): Message {
  const message = new Message();
  if ("integers" in value) {
    const data = BigInt64Array.from(value.integers, BigInt);
    return message.int(1, data.length).int(2, INT64).bytes(8, name).bytes(9, data);
  }
  for (const axis of value.shape) message.int(1, axis);
  return message.int(2, FLOAT).bytes(8, name).bytes(9, value.data);
}

function valueInfo(name: string, shape: readonly number[]): Message {
  const axes = new Message();
  for (const axis of shape) axes.bytes(1, new Message().int(1, axis));
  const type = new Message().bytes(1, new Message().int(1, FLOAT).bytes(2, axes));
  return new Message().bytes(1, name).bytes(2, type);
}

export function encodeModel({ nodes, inputs, output, constants = {} }: OnnxModel): Uint8Array {
  const graph = new Message();
  for (const one of nodes) graph.bytes(1, node(one));
  graph.bytes(2, "benchmark");
  for (const [name, value] of Object.entries(constants)) graph.bytes(5, tensor(name, value));
  for (const [name, shape] of Object.entries(inputs)) graph.bytes(11, valueInfo(name, shape));
  graph.bytes(12, valueInfo("y", output));
  return new Message()
    .int(1, IR_VERSION)
    .bytes(7, graph)
    .bytes(8, new Message().bytes(1, "").int(2, OPSET))
    .bytes(8, new Message().bytes(1, MICROSOFT).int(2, 1))
    .encoded();
}
