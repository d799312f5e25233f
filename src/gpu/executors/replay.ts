import type { SharedMemory } from "../shared-memory.js";
import type { KeptBlocks, StreamMemory } from "../stream-memory.js";
import type { UniformTable } from "../uniforms.js";
import type { Command } from "./commands.js";
import type { RepeatedWork } from "./repeated-work.js";

/** What the replays of an executor need from it. */
export interface Replayer {
  readonly memory: StreamMemory;
  readonly sharedMemory: SharedMemory;
  readonly uniforms: UniformTable;
  /** Runs `body` and returns the commands that it encoded, all submitted; undefined if it did more than encode. */
  record(body: () => void): readonly Command[] | undefined;
  /** Encodes recorded commands again. */
  replay(commands: readonly Command[]): void;
}

/** The commands of a run, and the state of the device that they depend on. */
class Recording {
  #sharedChanges: number;
  #uniformGeneration: number;

  constructor(
    private readonly replayer: Replayer,
    readonly result: unknown,
    readonly commands: readonly Command[],
    before: { readonly uniformGeneration: number },
  ) {
    this.#sharedChanges = replayer.sharedMemory.changes;
    this.#uniformGeneration = before.uniformGeneration;
  }

  /** Makes the commands valid for the device as it is now. Returns false if that is not possible. */
  refresh(): boolean {
    const { sharedMemory, uniforms } = this.replayer;
    // Weights may have moved.
    if (sharedMemory.changes !== this.#sharedChanges) return false;
    if (uniforms.generation === this.#uniformGeneration) return true;
    this.#placeParams();
    // Too many distinct ones for the table: it started over on the way.
    return uniforms.generation === this.#uniformGeneration;
  }

  /** Puts the `Params` into the table again. */
  #placeParams(): void {
    const { uniforms } = this.replayer;
    uniforms.reserve(this.commands.length);
    this.#uniformGeneration = uniforms.generation;
    for (const command of this.commands) {
      if (command.kind !== "dispatch" || command.slot === undefined) continue;
      command.slot = uniforms.slot(command.pipeline.source, command.params);
      command.group = undefined;
    }
  }
}

/** Repeated work whose commands are recorded in the first run of each kind, and then replayed. */
export class ReplayedWork implements RepeatedWork {
  readonly #recordings = new Map<string, Recording>();
  readonly #blocks: KeptBlocks;
  /** How often some of its blocks were destroyed. */
  #losses = 0;

  constructor(private readonly replayer: Replayer) {
    this.#blocks = replayer.memory.keepBlocks(() => {
      this.#recordings.clear();
      this.#losses++;
    });
  }

  run<T>(kind: string, body: () => T): T {
    const known = this.#recordings.get(kind);
    if (!known?.refresh()) return this.#record(kind, body);
    this.replayer.replay(known.commands);
    return known.result as T;
  }

  #record<T>(kind: string, body: () => T): T {
    const { replayer } = this;
    const { generation: uniformGeneration } = replayer.uniforms;
    this.#recordings.delete(kind);
    const losses = this.#losses;
    let result: { readonly value: T } | undefined;
    const commands = replayer.record(() => {
      result = { value: replayer.memory.using(this.#blocks, body) };
    });
    const { value } = result!;
    if (commands && this.#losses === losses) {
      this.#recordings.set(kind, new Recording(replayer, value, commands, { uniformGeneration }));
    }
    return value;
  }

  dispose(): void {
    this.#recordings.clear();
    this.replayer.memory.returnKept(this.#blocks);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
