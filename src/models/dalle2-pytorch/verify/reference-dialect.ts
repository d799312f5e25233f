import type { Fixture } from "../../../fixture/fixture.js";
import type { Output } from "../../../fixture/result.js";
import type { Arena } from "../../../tensor/arena.js";
import { FormatError } from "../../../weights/errors.js";
import { dialectForVersion, type Dialect } from "../dialect/dialect.js";

/** A `Runner` for fixtures that a version computed, with the dialect of that version. */
export type DialectRunner = (
  fixture: Fixture,
  openArena: () => Promise<Arena>,
  dialect: Dialect,
) => Promise<readonly Output[]>;

/**
 * The dialect of the version that made a fixture's outputs. Sampler bugs are kept, because the outputs have them. Throws
 * FormatError for a fixture of another library.
 */
export function referenceDialect({ folder, reference: [library, version] }: Fixture): Dialect {
  if (library === "dalle2_pytorch") return dialectForVersion(version, { sampler: "as-written" });
  throw new FormatError(
    `${folder}/fixture.json`,
    `its reference is ${library}; for its kind it must be dalle2_pytorch`,
  );
}
