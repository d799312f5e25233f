// The options of components, from the small files of a folder.
import { ConfigError } from "../../config/config-error.js";
import type { OpenedFolder } from "../opened.js";
import { componentConfig } from "./component-files.js";
import { unclipSchedulerOptions } from "./config/unclip-scheduler-config.js";
import { UnclipScheduler } from "./scheduler/unclip-scheduler.js";

/** Reads the config of a component. Rejects with `FileError`, or `ConfigError` for options that are not supported. */
export async function readOptions<Options>(
  folder: OpenedFolder,
  component: string,
  parse: (value: unknown, file: string) => Options,
  file = "config.json",
): Promise<Options> {
  const { value, name } = await componentConfig(folder, component, file);
  return parse(value, name);
}

/** Reads the config of a scheduler. Rejects as `readOptions`. */
export async function readSchedulerOptions<Options>(
  folder: OpenedFolder,
  component: string,
  parse: (value: unknown, file: string) => Options,
): Promise<Options> {
  return readOptions(folder, component, parse, "scheduler_config.json");
}

/** Reads a component `UnCLIPScheduler`. Rejects as `readOptions`. */
export async function readUnclipScheduler(folder: OpenedFolder, component: string): Promise<UnclipScheduler> {
  return new UnclipScheduler(await readSchedulerOptions(folder, component, unclipSchedulerOptions));
}

/** Throws `ConfigError` if there is a problem: components of a folder that do not fit each other. */
export function refuse(folder: string, problem: string | undefined): void {
  if (problem !== undefined) throw new ConfigError(`${folder}: ${problem}`);
}

/** Says where a number of one component is not that of another; undefined if it is. */
export function differs(what: string, found: number, but: string, expected: number): string | undefined {
  return found === expected ? undefined : `${what} ${found}, ${but} ${expected}`;
}
