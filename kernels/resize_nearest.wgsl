// Nearest-neighbour resize like torch's interpolate(mode="nearest"): source index = floor(index · scale) in f32.
//
// x: [batch, source_height, source_width, channels4]; y: [batch, height, width, channels4]. scale = source size /
// target size, rounded to f32. One invocation per vec4 of ROWS rows of y: on software adapters a division takes as long as a
// load, and rows that are equal are loaded once.
//
//: use lib/elementwise.wgsl

alias Element = f32;
alias Element4 = vec4<Element>;

const ROWS: u32 = 8u;

@group(0) @binding(0) var<storage, read> x: array<Element4>;
@group(0) @binding(1) var<storage, read_write> y: array<Element4>;
@group(0) @binding(2) var<uniform> params: Params;

struct Params {
  invocations: u32,
  source_height: u32,
  source_width: u32,
  height: u32,
  width: u32,
  channels4: u32,
  // Blocks of ROWS rows of an image; the last may have fewer.
  row_blocks: u32,
  scale_y: f32,
  scale_x: f32,
  // First rows of y and x, counted in the whole image. Other than 0 for a part of an image.
  first_row: u32,
  first_source_row: u32,
}

fn source_of(target_index: u32, scale: f32, size: u32) -> u32 {
  return min(u32(floor(f32(target_index) * scale)), size - 1u);
}

fn run(index: u32) {
  let columns = params.width * params.channels4;
  let source_columns = params.source_width * params.channels4;
  let block = index / columns;
  let column = index - block * columns;
  let sample = block / params.row_blocks;
  let first = (block - sample * params.row_blocks) * ROWS;
  let target_x = column / params.channels4;
  let channel4 = column - target_x * params.channels4;
  let source_x = source_of(target_x, params.scale_x, params.source_width);
  let source_start = sample * params.source_height * source_columns + source_x * params.channels4 + channel4;
  let start = sample * params.height * columns + column;

  var loaded = 0u;
  var value = Element4();
  for (var row = first; row < min(first + ROWS, params.height); row++) {
    let source_y = source_of(params.first_row + row, params.scale_y, params.source_height);
    // Counted from 1, because nothing is loaded at first.
    if (source_y + 1u != loaded) {
      value = x[source_start + (source_y - params.first_source_row) * source_columns];
      loaded = source_y + 1u;
    }
    y[start + row * columns] = value;
  }
}
