import type { Arena } from "../tensor/arena.js";
import type { Fixture } from "./fixture.js";
import type { Output } from "./result.js";

/**
 * Computes the outputs of a fixture of one kind and pairs them with the reference's. Opens the GPU by `openArena` only if it
 * needs it. Throws UnsupportedError for what the library does not run.
 */
export type Runner = (fixture: Fixture, openArena: () => Promise<Arena>) => Promise<readonly Output[]>;
