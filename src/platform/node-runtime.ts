// The JavaScript runtime: Node, or another one that runs packages for Node.
import process from "node:process";

/** A JavaScript runtime. */
export interface Runtime {
  readonly name: "Node" | "Deno" | "Bun";
  readonly version: string;
}

/** The runtime, from `process.versions`. Deno and Bun also set `node`: the version that they are compatible with. */
export function runtimeOf(versions: Readonly<Record<string, string | undefined>>): Runtime {
  if (versions.deno !== undefined) return { name: "Deno", version: versions.deno };
  if (versions.bun !== undefined) return { name: "Bun", version: versions.bun };
  return { name: "Node", version: versions.node ?? "" };
}

export const runtime: Runtime = runtimeOf(process.versions);

/** How to run this package, and how to install packages, in a runtime. */
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
