/** A sampling call that asks for what the model cannot do, or leaves out what it needs. */
export class SamplingError extends Error {
  override readonly name = "SamplingError";
}

/** A sampler ended in values that are no finite numbers. */
export class NotFiniteError extends Error {
  override readonly name = "NotFiniteError";
}

/** Throws `NotFiniteError` if any value is infinite or not a number. `what` begins the message. */
export function checkFinite(what: string, values: Float32Array): void {
  const index = values.findIndex((value) => !Number.isFinite(value));
  if (index < 0) return;
  throw new NotFiniteError(
    `${what} holds ${values[index]} at ${index} of ${values.length} values. Half precision overflows on some models: try dtype "f32".`,
  );
}
