import * as z from "zod/mini";
import type { Fixture } from "../../../fixture/fixture.js";
import type { HostTensor } from "../../../tensor/host-tensor.js";

const calls = z.record(z.string(), z.record(z.string(), z.unknown()));

/** A call of the reference: its name in the outputs, and its tensors by argument. */
export interface NetworkCall {
  readonly name: string;
  readonly inputs: ReadonlyMap<string, HostTensor>;
}

/** The calls of a network in `fixture.json`, in the entry `list`. A value such as "in.sample" names a tensor. */
export async function networkCalls(fixture: Fixture, list = "calls"): Promise<NetworkCall[]> {
  const { [list]: found = {} } = fixture.info(z.looseObject({ [list]: calls }));
  return Promise.all(
    Object.entries(found).map(async ([name, values]) => {
      const named = Object.entries(values).filter((entry): entry is [string, string] => typeof entry[1] === "string");
      const inputs = named.map(async ([key, tensor]) => [key, await fixture.tensor(tensor)] as const);
      return { name, inputs: new Map(await Promise.all(inputs)) };
    }),
  );
}

/** The timesteps of a call's only pass: one for all samples, or one for each. */
export function timesOf(timestep: HostTensor): number | readonly number[] {
  return timestep.shape.length === 0 ? timestep.data[0]! : [...timestep.data];
}
