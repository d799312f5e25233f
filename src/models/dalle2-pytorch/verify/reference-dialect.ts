import type { Fixture } from "../../../fixture/fixture.js";
import type { Output } from "../../../fixture/result.js";
import type { Arena } from "../../../tensor/arena.js";
import { FormatError } from "../../../weights/errors.js";
import { dialectForVersion, type Dialect } from "../dialect/dialect.js";

/** A `Runner` for fixtures that a version computed, given what that version does. */
export type DialectRunner = (
  fixture: Fixture,
  openArena: () => Promise<Arena>,
  dialect: Dialect,
) => Promise<readonly Output[]>;

/**
 * What the version computes that made a fixture's outputs, its samplers with their bugs: the outputs have them too. Throws
 * FormatError for a fixture of another library.
 */
export function referenceDialect({ folder, reference: [library, version] }: Fixture): Dialect {
  if (library === "dalle2_pytorch") return dialectForVersion(version, { sampler: "as-written" });
  throw new FormatError(
    `${folder}/fixture.json`,
    `its reference is ${library}; for its kind it must be dalle2_pytorch`,
  );
}
