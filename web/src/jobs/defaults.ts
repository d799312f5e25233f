/** Values of the library for parameters that are absent. */
export const DEFAULTS = { interpolateFrames: 8, editFrames: 1, strength: 0.4, resampleTimes: 5, startAtUnetNumber: 2 };
