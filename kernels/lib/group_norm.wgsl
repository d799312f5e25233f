// What the launches of group norm pass on, per channel.

/// Rows of a chunk's statistics: means, then centred sums of squares.
const STATISTICS: u32 = 2u;
/// Rows of a sample's coefficients: means, gains, shifts.
const COEFFICIENTS: u32 = 3u;
