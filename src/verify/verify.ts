import { UnsupportedError } from "../weights/unsupported-error.js";
import { Fixture } from "./fixture.js";
import { RUNNERS } from "./kinds.js";
import { failure, judge, type Output, type VerifyResult } from "./result.js";
import type { OpenPlace } from "./runner.js";

/**
 * Runs the case in a fixture's folder (path or URL) and compares our outputs with the reference's. `open` is called
 * only by fixtures that need the GPU. What goes wrong in the case is a result that does not pass; rejects only where the
 * folder holds no fixture.
 */
export async function verifyFixture(folder: string, open: OpenPlace): Promise<VerifyResult> {
  const fixture = await Fixture.open(folder);
  const { name, kind } = fixture;
  try {
    return judge(name, kind, await outputsOf(fixture, open));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return failure(name, kind, error instanceof UnsupportedError ? `unsupported: ${message}` : message);
  } finally {
    await fixture.close();
  }
}

function outputsOf(fixture: Fixture, open: OpenPlace): Promise<readonly Output[]> {
  const run = RUNNERS.get(fixture.kind);
  if (!run) throw new UnsupportedError(`fixtures of kind ${fixture.kind}`);
  return run(fixture, async () => (await open()).arena, open);
}
