// Which program runs this: Node, or one of those that run packages for Node.
import process from "node:process";

/** A program that runs JavaScript. */
export interface Runtime {
  readonly name: "Node" | "Deno" | "Bun";
  readonly version: string;
}

/** The runtime, by what each says of itself: Deno and Bun also give the version of the Node that they stand in for. */
export function runtimeOf(versions: Readonly<Record<string, string | undefined>>): Runtime {
  if (versions.deno !== undefined) return { name: "Deno", version: versions.deno };
  if (versions.bun !== undefined) return { name: "Bun", version: versions.bun };
  return { name: "Node", version: versions.node ?? "" };
}

export const runtime: Runtime = runtimeOf(process.versions);

/** Commands of this package and its package manager, as each runtime writes them. */
interface Commands {
  readonly dalle2: string;
  readonly install: string;
}

const COMMANDS: Readonly<Record<Runtime["name"], Commands>> = {
  Node: { dalle2: "npx dalle2", install: "npm install" },
  Deno: { dalle2: "deno run -A npm:dalle2-webgpu", install: "deno add npm:" },
  Bun: { dalle2: "bunx dalle2", install: "bun add" },
};

/** A command line that runs `dalle2` with arguments in a runtime. */
export function dalle2Command(args: string, { name }: Pick<Runtime, "name"> = runtime): string {
  return `${COMMANDS[name].dalle2} ${args}`.trimEnd();
}

/** A command line that installs a package in a runtime. */
export function installCommand(packageName: string, { name }: Pick<Runtime, "name"> = runtime): string {
  const { install } = COMMANDS[name];
  return install.endsWith(":") ? install + packageName : `${install} ${packageName}`;
}
