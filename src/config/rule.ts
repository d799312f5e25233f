import * as z from "zod/mini";

/** A fault that a rule found, with its path from the object of the rule. */
export interface Fault {
  readonly path: readonly (string | number)[];
  /** The problem; or, if it begins with "expected", what was expected at the path. */
  readonly message: string;
  /** The value at the path, if the message says what was expected. */
  readonly found?: unknown;
}

/**
 * A rule for several fields of an object, for `check` of its schema. It runs if the fields that it reads are well-formed, so
 * one pass lists all faults.
 */
export function rule<Reads extends z.ZodMiniType>(reads: Reads, check: (value: z.output<Reads>) => readonly Fault[]) {
  return z.superRefine<unknown>(
    (value, context) => {
      for (const { path, message, found } of check(reads.parse(value))) {
        context.addIssue({ code: "custom", path: [...path], message, input: found });
      }
    },
    { when: ({ value }) => reads.safeParse(value).success },
  );
}
