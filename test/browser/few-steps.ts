/** Settings of the Shapes model with which its shapes are right, and tests short. */
export const STEPS = { priorSteps: 3, decoderSteps: [4, 2] } as const;
