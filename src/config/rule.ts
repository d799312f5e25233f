import { z } from "zod";

/** A fault that a rule found, with its path from the object that the rule is for. */
export interface Fault {
  readonly path: readonly (string | number)[];
  /** What is wrong; or, beginning with "expected", what is expected instead of what stands at the path. */
  readonly message: string;
  /** What stands at the path, where the message says what is expected. */
  readonly found?: unknown;
}

/**
 * A rule for several fields of an object, to be given to `check` of its schema. It applies as soon as those that it reads
 * are well-formed, so that one pass lists all faults.
 */
export function rule<Reads extends z.ZodType>(reads: Reads, check: (value: z.output<Reads>) => readonly Fault[]) {
  return z.superRefine<unknown>(
    (value, context) => {
      for (const { path, message, found } of check(reads.parse(value))) {
        context.addIssue({ code: "custom", path: [...path], message, input: found });
      }
    },
    { when: ({ value }) => reads.safeParse(value).success },
  );
}
