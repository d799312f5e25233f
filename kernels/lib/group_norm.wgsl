// Values for each channel that the kernels of group norm exchange.

/// Number of statistics of a chunk: means, then centred sums of squares.
const STATISTICS: u32 = 2u;
/// Number of coefficients of a sample: means, gains, shifts.
const COEFFICIENTS: u32 = 3u;
