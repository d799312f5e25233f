import type { BufferEntry } from "../bind-groups.js";
import type { Range } from "../block.js";
import type { DeviceCore } from "../device-core.js";
import type { Grid } from "../grid.js";
import type { Pipeline } from "../pipelines.js";
import { bufferOf } from "../storage.js";
import type { AnyParams } from "./executor.js";

/** A run of a kernel. A recorded one is encoded many times, so it keeps its bind group. */
export interface QueuedDispatch {
  readonly kind: "dispatch";
  readonly pipeline: Pipeline;
  /** Of its storages; its `Params` follow. */
  readonly entries: readonly BufferEntry[];
  readonly params: AnyParams;
  /** Where its `Params` are in the table of uniforms; undefined if the kernel has none. */
  slot: number | undefined;
  readonly grid: Grid;
  readonly modulePath: string;
  /** Made when it is encoded first. */
  group: GPUBindGroup | undefined;
}

interface QueuedClear {
  readonly kind: "clear";
  readonly target: Range;
  readonly bytes: number;
}

interface QueuedCopy {
  readonly kind: "copy";
  readonly source: Range;
  readonly target: { readonly buffer: GPUBuffer; readonly offset: number };
  readonly bytes: number;
}

export type Command = QueuedDispatch | QueuedClear | QueuedCopy;

/** Encodes and submits commands. Call it inside of error scopes. */
export function submitCommands(core: DeviceCore, commands: readonly Command[]): void {
  const encoder = core.device.createCommandEncoder();
  encodeCommands(core, encoder, commands);
  const collect = core.timer?.resolve(encoder);
  if (core.uniforms.upload()) core.counters.uploads++;
  core.submit([encoder.finish()]);
  collect?.();
}

function encodeCommands(core: DeviceCore, encoder: GPUCommandEncoder, commands: readonly Command[]): void {
  const { timer, counters } = core;
  let pass: GPUComputePassEncoder | undefined;
  let pipeline: Pipeline | undefined;
  const endPass = (): void => {
    pass?.end();
    pass = pipeline = undefined;
  };
  for (const command of commands) {
    if (command.kind === "dispatch") {
      // A pass of its own where each dispatch is measured.
      if (timer) endPass();
      pass ??= encoder.beginComputePass(timer ? { timestampWrites: timer.pass(command.pipeline.key) } : undefined);
      // Each call takes a third of a microsecond or more.
      if (command.pipeline !== pipeline) {
        pipeline = command.pipeline;
        pass.setPipeline(pipeline.pipeline!);
      }
      const { grid } = command;
      pass.setBindGroup(0, (command.group ??= groupOf(core, command)));
      pass.dispatchWorkgroups(grid[0], grid[1], grid[2]);
      counters.dispatches++;
      continue;
    }
    endPass();
    if (command.kind === "clear") {
      const { block, offset } = command.target;
      encoder.clearBuffer(bufferOf(block), offset, command.bytes);
    } else {
      const { source, target, bytes } = command;
      encoder.copyBufferToBuffer(bufferOf(source.block), source.offset, target.buffer, target.offset, bytes);
    }
  }
  endPass();
}

/** A bind group with a fixed place of `Params`: setting one with a dynamic offset takes half as long again. */
function groupOf({ bindGroups, uniforms }: DeviceCore, command: QueuedDispatch): GPUBindGroup {
  const { pipeline, entries, slot, modulePath } = command;
  const label = modulePath === "" ? pipeline.key : `${pipeline.key} @ ${modulePath}`;
  if (slot === undefined) return bindGroups.get(label, pipeline.layout, entries);
  const params = { buffer: uniforms.buffer, offset: slot, size: pipeline.source.params.length * 4 };
  return bindGroups.get(label, pipeline.layout, [...entries, { binding: entries.length, resource: params }]);
}
