import type { GpuDevice } from "../gpu/device.js";
import type { Arena } from "../tensor/arena.js";
import type { Fixture } from "./fixture.js";
import type { Output } from "./result.js";

/** Where a fixture runs. */
export interface Place {
  readonly gpu: GpuDevice;
  /** On a stream of that device. */
  readonly arena: Arena;
}

/** Opens the GPU, or gives one that is open. */
export type OpenPlace = () => Promise<Place>;

/**
 * Computes the outputs of a fixture of one kind and pairs them with the reference's. Opens the GPU only if it needs it: by
 * `openArena`, or by `openPlace` where it opens streams itself. Throws UnsupportedError for what the library does not run.
 */
export type Runner = (
  fixture: Fixture,
  openArena: () => Promise<Arena>,
  openPlace: OpenPlace,
) => Promise<readonly Output[]>;
