import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { GpuDevice } from "../../src/gpu/device.js";
import { GpuOutOfMemoryError, GpuValidationError } from "../../src/gpu/errors.js";
import type { RecordedDispatch } from "../../src/gpu/executors/record.js";
import { openGpu } from "../../src/gpu/open.js";
import { add, scaleBy } from "../../src/ops/elementwise.js";
import { Arena } from "../../src/tensor/arena.js";
import { failNextBuffer } from "../support/gpu.js";
import type { Tensor } from "../../src/tensor/tensor.js";

let gpu: GpuDevice;

beforeAll(async () => {
  gpu = await openGpu();
});

afterAll(() => {
  gpu.dispose();
});

const SIZE = 1024;

/** A call: doubles `value` ten times, and waits in between so that others can run. */
async function doubled(value: number, hinder?: (arena: Arena, step: number) => void): Promise<number[]> {
  using stream = gpu.stream();
  const arena = new Arena(stream);
  let x = arena.from(new Float32Array(SIZE).fill(value), [SIZE]);
  try {
    for (let step = 0; step < 10; step++) {
      hinder?.(arena, step);
      const before = x;
      x = arena.scope(() => add(before, before));
      before.dispose();
      if (step % 3 === 0) stream.flush();
      if (step % 4 === 1) await stream.sync();
      else await Promise.resolve();
    }
    return [...new Set(await x.read())];
  } finally {
    x.dispose();
  }
}

/** More workgroups than the limit of a dimension. */
function dispatchTooMany(arena: Arena): void {
  arena.scope(() => {
    const [a, y] = [arena.from([1, 2, 3, 4], [4]), arena.empty([4])];
    arena.stream.dispatch("combine", {
      bindings: { a: a.storage, b: a.storage, y: y.storage },
      params: {
        invocations: 1,
        positions: 1,
        channels4: 1,
        b_batch_stride4: 0,
        b_position_stride4: 0,
        scale_a: 1,
        scale_b: 1,
      },
      grid: [65536, 1, 1],
    });
  });
}

describe("simultaneous calls on one device", () => {
  it("fail independently: of ten calls one is invalid, one has no memory, one is aborted, and seven are right", async () => {
    const { live } = gpu.memory();
    const aborted = new AbortController();
    const hinder = new Map<number, (arena: Arena, step: number) => void>([
      [
        2,
        (arena, step) => {
          if (step === 4) dispatchTooMany(arena);
        },
      ],
      [
        5,
        (arena, step) => {
          if (step !== 3) return;
          failNextBuffer(gpu);
          arena.scope(() => {
            // A size that no call has freed.
            arena.stream.clear(arena.empty([3 * SIZE + 4 * step]).storage);
          });
        },
      ],
      [
        7,
        (_arena, step) => {
          if (step === 5) aborted.abort(new Error("enough"));
          aborted.signal.throwIfAborted();
        },
      ],
    ]);
    const calls = Array.from({ length: 10 }, (_, i) => doubled(i + 1, hinder.get(i)));
    const results = await Promise.allSettled(calls);
    expect(results[2]).toMatchObject({ status: "rejected", reason: expect.any(GpuValidationError) as unknown });
    expect(results[5]).toMatchObject({ status: "rejected", reason: expect.any(GpuOutOfMemoryError) as unknown });
    expect(results[7]).toMatchObject({ status: "rejected", reason: { message: "enough" } });
    for (const [i, result] of results.entries()) {
      if (![2, 5, 7].includes(i)) expect(result).toEqual({ status: "fulfilled", value: [1024 * (i + 1)] });
    }
    expect(gpu.memory().live).toBe(live);
    // The device still works.
    expect(await doubled(3)).toEqual([3072]);
  });

  it("a call that waits first does not get the error of another's earlier invalid work", async () => {
    using invalid = gpu.stream();
    using valid = gpu.stream();
    dispatchTooMany(new Arena(invalid));
    invalid.flush();
    const arena = new Arena(valid);
    using x = arena.from([1, 2], [2]);
    expect([...(await x.read())]).toEqual([1, 2]);
    await expect(invalid.sync()).rejects.toThrow(GpuValidationError);
    // It got its error and can continue.
    await invalid.sync();
  });

  it("read correctly after the read of another had no memory for staging", async () => {
    using own = await openGpu();
    using first = own.stream();
    using second = own.stream();
    const storage = first.allocate(16, "x");
    first.write(storage, Float32Array.of(1, 2, 3, 4));
    await first.sync();
    failNextBuffer(own);
    await expect(first.read(storage)).rejects.toThrow(GpuOutOfMemoryError);
    for (const stream of [second, first]) {
      expect([...new Float32Array(await stream.read(storage))]).toEqual([1, 2, 3, 4]);
    }
    storage.release();
  });

  it("compute correctly if they are encoded alternately, whichever is submitted first", async () => {
    const arenas = [new Arena(gpu.stream()), new Arena(gpu.stream())] as const;
    const states: Tensor[] = arenas.map((arena, i) => arena.from([i + 1], [1]));
    for (let step = 0; step < 300; step++) {
      const i = (step * 7) % 3 === 0 ? 0 : 1;
      const before = states[i]!;
      states[i] = arenas[i].scope(() => scaleBy(before, step % 2 === 0 ? 2 : 0.5));
      before.dispose();
      if (step % 50 === 17) arenas[1 - i]!.stream.flush();
    }
    const scale = (index: number): number =>
      Array.from({ length: 300 }, (_, step) => ((step * 7) % 3 === 0 ? 0 : 1) === index && (step % 2 === 0 ? 2 : 0.5))
        .filter((factor) => factor !== false)
        .reduce((product, factor) => product * factor, 1);
    expect([...(await states[1]!.read())]).toEqual([2 * scale(1)]);
    expect([...(await states[0]!.read())]).toEqual([scale(0)]);
    for (const state of states) state.dispose();
    for (const { stream } of arenas) stream.close();
  });
});

describe("memory of a stream", () => {
  it("can be reused by another only after the commands that used it are submitted", async () => {
    const places: RecordedDispatch[][] = [[], []];
    const [first, second] = places.map(
      (list) => new Arena(gpu.stream({ onCommand: (command) => command.kind === "dispatch" && list.push(command) })),
    ) as [Arena, Arena];
    const shape = [5 * SIZE + 4];
    const blockOf = (list: readonly RecordedDispatch[]) => list.at(-1)!.storages.y!.block;
    const x = first.from(new Float32Array(shape[0]!).fill(1), shape);
    await first.stream.sync();
    first.scope(() => void scaleBy(x, 2));
    const freed = blockOf(places[0]!);
    // The stream's own next tensor reuses it immediately. A tensor of another stream does not, although it is free.
    first.scope(() => void scaleBy(x, 3));
    expect(blockOf(places[0]!)).toBe(freed);
    const y = second.from(new Float32Array(shape[0]!).fill(1), shape);
    const z = second.scope(() => scaleBy(y, 5));
    expect(blockOf(places[1]!)).not.toBe(freed);
    await first.stream.sync();
    const { created } = gpu.memory();
    second.scope(() => void scaleBy(z, 7));
    expect(blockOf(places[1]!)).toBe(freed);
    expect(gpu.memory().created).toBe(created);
    expect(new Set(await z.read())).toEqual(new Set([5]));
    for (const tensor of [x, y, z]) tensor.dispose();
    first.stream.close();
    second.stream.close();
  });

  it("is returned when the stream is closed, and queued commands are dropped", async () => {
    const { live } = gpu.memory();
    const { submits } = gpu.counters;
    const arena = new Arena(gpu.stream());
    const x = arena.from([1, 2], [2]);
    arena.scope(() => void scaleBy(x, 2));
    arena.stream.close();
    expect(() => arena.scope(() => scaleBy(x, 2))).toThrow("used after it was closed");
    x.dispose();
    expect(gpu.memory().live).toBe(live);
    expect(gpu.counters.submits).toBe(submits);
    await expect(arena.stream.sync()).rejects.toThrow("closed");
  });

  it("of weights outlives queued commands of other streams", async () => {
    const loading = gpu.stream();
    const weight = loading.allocate(16, "weight");
    loading.share(weight);
    loading.allocateTogether([weight]);
    loading.write(weight, Float32Array.of(1, 2, 3, 4));
    const call = gpu.stream();
    const copy = call.allocate(16, "copy");
    call.copy(weight, copy);
    // Not submitted yet. The next user of the memory must not change what the call reads.
    weight.offload();
    gpu.trim();
    const other = gpu.stream();
    const taken = other.allocate(16, "taken");
    other.clear(taken);
    await other.sync();
    expect([...new Float32Array(await call.read(copy))]).toEqual([1, 2, 3, 4]);
    for (const storage of [copy, taken, weight]) storage.release();
    for (const stream of [loading, call, other]) stream.close();
  });
});

it("bind groups of equal work are made once, until memory is trimmed", async () => {
  const arena = new Arena(gpu.stream());
  const x = arena.from([1, 2], [2]);
  const run = async (): Promise<number> => {
    const { bindGroups } = gpu.counters;
    arena.scope(() => void scaleBy(scaleBy(x, 17), 19));
    await arena.stream.sync();
    return gpu.counters.bindGroups - bindGroups;
  };
  expect(await run()).toBe(2);
  expect(await run()).toBe(0);
  gpu.trim();
  expect(await run()).toBe(2);
  x.dispose();
  arena.stream.close();
});

it("params of an earlier dispatch are not uploaded again", async () => {
  const arena = new Arena(gpu.stream());
  const x = arena.from([1, 2], [2]);
  const run = async (): Promise<number> => {
    const { uploads } = gpu.counters;
    arena.scope(() => void scaleBy(scaleBy(x, 11), 13));
    await arena.stream.sync();
    return gpu.counters.uploads - uploads;
  };
  expect(await run()).toBe(1);
  expect(await run()).toBe(0);
  x.dispose();
  arena.stream.close();
});

it("more distinct params than slots do not change those of queued work", async () => {
  const arena = new Arena(gpu.stream());
  const x = arena.from([1], [1]);
  const results: Tensor[] = [];
  for (let i = 0; i < 9000; i++) {
    const y = arena.scope(() => scaleBy(x, i));
    if (i % 1000 === 999) results.push(y);
    else y.dispose();
  }
  const values = await Promise.all(results.map((y) => y.read()));
  expect(values.map(([value]) => value)).toEqual(results.map((_, i) => i * 1000 + 999));
  for (const tensor of [x, ...results]) tensor.dispose();
  arena.stream.close();
});

it("dispatches are labelled with their module", async () => {
  const places: string[] = [];
  const arena = new Arena(
    gpu.stream({ onCommand: (command) => command.kind === "dispatch" && places.push(command.modulePath) }),
  );
  const { stream } = arena;
  using x = arena.from([1, 2], [2]);
  arena.scope(() => {
    stream.at("unets.0", () => {
      scaleBy(x, 2);
      expect(() =>
        stream.at("downs", () =>
          stream.at(1, () => {
            scaleBy(x, 2);
            throw new Error("no");
          }),
        ),
      ).toThrow("no");
    });
    scaleBy(x, 2);
  });
  await stream.sync();
  expect(places).toEqual(["unets.0", "unets.0.downs.1", ""]);
});
