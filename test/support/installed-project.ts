import { spawnSync } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** A file in the tarball. */
export interface PackedFile {
  readonly path: string;
  readonly size: number;
  readonly mode: number;
}

/** A project of somebody else's that has nothing but the package, from the tarball of `npm pack`. */
export class InstalledProject {
  private constructor(
    readonly folder: string,
    /** Name of the tarball. */
    readonly tarball: string,
    readonly files: readonly PackedFile[],
  ) {}

  /** Packs dist, as it was built last, and installs the tarball. */
  static create(): InstalledProject {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), "dalle2-project-")));
    const packed = run("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", folder], root);
    const [{ filename, files } = { filename: "", files: [] }] = parsePacked(packed);
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "project", private: true, type: "module" }));
    run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", `./${filename}`], folder);
    return new InstalledProject(folder, filename, files);
  }

  /** Makes a development dependency of ours one of the project's. */
  link(name: string): void {
    const place = this.path("node_modules", name);
    mkdirSync(dirname(place), { recursive: true });
    symlinkSync(join(root, "node_modules", name), place);
  }

  path(...parts: readonly string[]): string {
    return join(this.folder, ...parts);
  }

  /** Runs a line of a shell in the project. */
  shell(line: string): { readonly status: number | null; readonly output: string } {
    const { status, stdout, stderr } = spawnSync("sh", ["-c", line], { cwd: this.folder, encoding: "utf8" });
    return { status, output: stdout + stderr };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

type Packed = readonly { readonly filename: string; readonly files: readonly PackedFile[] }[];

/** What `npm pack --json` says: a list, or since npm 12 an object by the packages' names. */
function parsePacked(text: string): Packed {
  const packed = JSON.parse(text) as Packed | Readonly<Record<string, Packed[number]>>;
  return Array.isArray(packed) ? (packed as Packed) : Object.values(packed);
}

function run(program: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")}: ${stderr}`);
  return stdout;
}
