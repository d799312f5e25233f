// Quantile of the magnitudes of each sample: torch.quantile(|x|, q) with linear interpolation.
//
// x: f32 [batch, vectors], bound as bits, in rows of channels4 vec4s with `channels` channels; y: f32 [batch, 1],
// padded to one vec4. One workgroup per sample. Floats that are not negative have the same order as their bits. So a
// radix selection finds the element of rank `rank` (from 0) exactly, one byte in each pass over x: it counts the next
// byte of all elements that begin with the bytes found so far, and selects the byte where the counts reach the rank.
// The last pass finds the smallest larger element. It has rank + 1, unless the selected element occurs more than once
// and has that rank too.

override WORKGROUP: u32 = 256u;

@group(0) @binding(0) var<storage, read> x: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> params: Params;

struct Params {
  // Number of vec4s in a sample.
  vectors: u32,
  channels: u32,
  channels4: u32,
  rank: u32,
  // Position of the quantile between the elements of rank `rank` and rank + 1, in [0, 1).
  weight: f32,
}

/// The selected element: its leading bytes, and its rank among the elements that begin with them.
struct Selection {
  prefix: u32,
  rank: u32,
}

const LARGEST_BITS = 0x7f7fffffu;

var<workgroup> histogram: array<atomic<u32>, 256>;
var<workgroup> selection: Selection;
// Elements equal to the selected one, once the last byte is known.
var<workgroup> equal_count: u32;
var<workgroup> next_bits: atomic<u32>;

fn magnitude_bits(index: u32) -> vec4<u32> {
  return x[index] & vec4<u32>(0x7fffffffu);
}

/// Returns how many of the four elements at `vector` (counted within the sample) are not padding.
fn existing(vector: u32) -> u32 {
  return min(4u, params.channels - vector % params.channels4 * 4u);
}

fn count_bytes(base: u32, lane: u32, shift: u32, prefix: u32) {
  for (var vector = lane; vector < params.vectors; vector += WORKGROUP) {
    let bits = magnitude_bits(base + vector);
    for (var i = 0u; i < existing(vector); i++) {
      // Shifted twice, because WGSL shifts by less than 32 bits.
      if ((bits[i] >> shift) >> 8u == (prefix >> shift) >> 8u) {
        atomicAdd(&histogram[(bits[i] >> shift) & 255u], 1u);
      }
    }
  }
}

/// Extends the prefix by the byte where the counts exceed the rank.
fn choose_byte(shift: u32) {
  var rank = selection.rank;
  var byte = 0u;
  var size = atomicLoad(&histogram[0]);
  while (rank >= size && byte < 255u) {
    rank -= size;
    byte++;
    size = atomicLoad(&histogram[byte]);
  }
  selection = Selection(selection.prefix | (byte << shift), rank);
  equal_count = size;
}

fn find_next(base: u32, lane: u32, selected: u32) {
  var smallest = LARGEST_BITS;
  for (var vector = lane; vector < params.vectors; vector += WORKGROUP) {
    let bits = magnitude_bits(base + vector);
    for (var i = 0u; i < existing(vector); i++) {
      if (bits[i] > selected) {
        smallest = min(smallest, bits[i]);
      }
    }
  }
  atomicMin(&next_bits, smallest);
}

/// torch.lerp: starts at the nearer end, so that both ends are exact.
fn interpolate(below: f32, above: f32, weight: f32) -> f32 {
  if (weight < 0.5) {
    return below + weight * (above - below);
  }
  return above - (above - below) * (1.0 - weight);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let base = wid.x * params.vectors;
  if (lane == 0u) {
    selection = Selection(0u, params.rank);
    atomicStore(&next_bits, LARGEST_BITS);
  }
  for (var found = 0u; found < 4u; found++) {
    let shift = 24u - 8u * found;
    for (var bin = lane; bin < 256u; bin += WORKGROUP) {
      atomicStore(&histogram[bin], 0u);
    }
    workgroupBarrier();
    count_bytes(base, lane, shift, selection.prefix);
    workgroupBarrier();
    if (lane == 0u) {
      choose_byte(shift);
    }
    workgroupBarrier();
  }
  let selected = selection.prefix;
  find_next(base, lane, selected);
  workgroupBarrier();
  if (lane == 0u) {
    let below = bitcast<f32>(selected);
    // With a weight of zero there may be no next element.
    let is_same = params.weight == 0.0 || selection.rank + 1u < equal_count;
    let above = select(bitcast<f32>(atomicLoad(&next_bits)), below, is_same);
    y[wid.x] = vec4<f32>(interpolate(below, above, params.weight), 0.0, 0.0, 0.0);
  }
}
