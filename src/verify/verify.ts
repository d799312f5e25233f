import { openFixture } from "../models/open-fixture.js";
import { UnsupportedError } from "../weights/unsupported-error.js";
import type { Fixture } from "../fixture/fixture.js";
import { runners } from "./kinds.js";
import { failure, resultOf, type Output, type VerifyResult } from "../fixture/result.js";
import type { OpenContext } from "../fixture/runner.js";

/**
 * Runs a fixture (path or URL of a folder) and compares our outputs with those of the reference. `open` is called only
 * if the fixture needs the GPU. An error while it runs gives a failed result; rejects only if the folder has no
 * fixture.
 */
export async function verifyFixture(folder: string, open: OpenContext): Promise<VerifyResult> {
  const fixture = await openFixture(folder);
  const { name, kind } = fixture;
  try {
    return resultOf(name, kind, await outputsOf(fixture, open));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return failure(name, kind, error instanceof UnsupportedError ? `unsupported: ${message}` : message);
  } finally {
    await fixture.close();
  }
}

async function outputsOf(fixture: Fixture, open: OpenContext): Promise<readonly Output[]> {
  const run = (await runners()).get(fixture.kind);
  if (!run) throw new UnsupportedError(`fixtures of kind ${fixture.kind}`);
  return run(fixture, async () => (await open()).arena, open);
}
