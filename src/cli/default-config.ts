import { UsageError } from "./errors.js";

/** The load config that is given as an argument or by its flag; that of the Shapes model where none is. */
export function oneConfig(argument: string | undefined, flag: string | undefined): string {
  if (argument !== undefined && flag !== undefined && argument !== flag) {
    throw new UsageError(`Give one load config: ${argument}, or --model-config ${flag}.`);
  }
  return argument ?? flag ?? "shapes";
}
