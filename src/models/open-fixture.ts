import { Fixture } from "../fixture/fixture.js";
import { modelNames } from "./families.js";

/** Opens a fixture whose checkpoints may be of any family. Rejects as `Fixture.open`. */
export function openFixture(folder: string): Promise<Fixture> {
  return Fixture.open(folder, modelNames());
}
