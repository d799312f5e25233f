import { UsageError } from "./errors.js";

/** The load config given as an argument or with its flag; by default, that of the Shapes model. */
export function oneConfig(argument: string | undefined, flag: string | undefined): string {
  if (argument !== undefined && flag !== undefined && argument !== flag) {
    throw new UsageError(`Give one load config: either ${argument} or --model-config ${flag}.`);
  }
  return argument ?? flag ?? "shapes";
}
