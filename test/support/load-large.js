// Loads a checkpoint of square matrices named `unets.0.mid.N.weight` with the built package and prints the most bytes that
// JavaScript's heap and array buffers took together. A software adapter's buffers are in the process too, but not in these.
import { openGpu } from "../../dist/gpu/open.js";
import { openFile } from "../../dist/platform/node.js";
import { Arena } from "../../dist/tensor/arena.js";
import { openCheckpoint } from "../../dist/weights/checkpoint.js";
import { WeightStore } from "../../dist/weights/weight-store.js";

const [, , file, size] = process.argv;
let peak = 0;
function sample() {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  peak = Math.max(peak, heapUsed + arrayBuffers);
}

const checkpoint = await openCheckpoint(await openFile(file));
const gpu = await openGpu();
const store = new WeightStore(new Arena(gpu.stream(), "f32"), checkpoint);
for (const name of checkpoint.tensors.keys()) store.root.linear(name, [Number(size), Number(size)]);
// Between reads and uploads, which the progress of whole tensors would miss.
const timer = setInterval(sample, 1);
await store.load({ onProgress: sample });
clearInterval(timer);
console.log(peak);
store.dispose();
await checkpoint.close();
gpu.dispose();
