import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** A temporary folder that the processes of one run share. */
    runFolder: string;
  }
}

/** Vitest's global set-up: a folder for what one process builds and others use; it is removed after all tests. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), "dalle2-run-"));
  project.provide("runFolder", folder);
  return () => rm(folder, { recursive: true });
}
