// Names and shapes of tensors in test/fixtures/headers, as diffusers lists them.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod/mini";
import type { FullComponent } from "./full-size.js";
import { fixtureFolder } from "./golden.js";

/** A network in full size: its config, and the tensors that the reference makes from it. */
export const listedShapes = z.object({
  config: z.record(z.string(), z.unknown()),
  tensors: z.int(),
  parameters: z.int(),
  shapes: z.record(z.string(), z.array(z.int())),
});

type ListedShapes = z.infer<typeof listedShapes>;

/** A component, and the counts that the reference gives for it. */
export interface ReferenceComponent extends FullComponent {
  readonly count: number;
  readonly parameters: number;
}

/** The component that is listed, alone or by what differs from `base`. */
export function referenceComponent(listed: ListedShapes, base?: ListedShapes): ReferenceComponent {
  const { config, tensors, parameters, shapes } = listed;
  const all = new Map([...expandedShapes(base?.shapes ?? {}), ...expandedShapes(shapes)]);
  return {
    config: { ...base?.config, ...config },
    tensors: [...all].map(([name, shape]) => ({ name, shape })),
    count: tensors,
    parameters,
  };
}

/** The content of a file of test/fixtures/headers. */
export function readHeaders(name: string): unknown {
  return JSON.parse(readFileSync(join(fixtureFolder("headers"), `${name}.json`), "utf8"));
}

/** Names with all numbers of runs such as "{0-3}". */
export function expandedShapes(shapes: Readonly<Record<string, readonly number[]>>): Map<string, readonly number[]> {
  const one = (name: string): readonly string[] => {
    const [run, first, last] = /\{(\d+)-(\d+)\}/.exec(name) ?? [];
    if (run === undefined) return [name];
    const numbers = Array.from({ length: Number(last) - Number(first) + 1 }, (_, i) => Number(first) + i);
    return numbers.flatMap((number) => one(name.replace(run, `${number}`)));
  };
  return new Map(Object.entries(shapes).flatMap(([name, shape]) => one(name).map((each) => [each, shape] as const)));
}

/** The number of values in tensors of these shapes. */
export function parametersOf(shapes: ReadonlyMap<string, readonly number[]>): number {
  return [...shapes.values()].reduce((sum, shape) => sum + shape.reduce((product, axis) => product * axis, 1), 0);
}
