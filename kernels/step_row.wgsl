// Copies the row of the current pass from a table: y = rows[row_of_pass[counter[0]]], for each sample. What is around it in y stays.
//
// rows: [rows, batch, channels4], or [rows, 1, channels4] if all samples share it; row_of_pass: the index of the row of
// each pass; y: samples of target_pairs, which get the row from target_start on. Bits are copied, so the kernel serves all types: a vec4 is one pair of words (f16)
// or two (f32). One invocation per pair of y.
//
//: use lib/elementwise.wgsl

@group(0) @binding(0) var<storage, read> rows: array<vec2<u32>>;
@group(0) @binding(1) var<storage, read> row_of_pass: array<u32>;
@group(0) @binding(2) var<storage, read> counter: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<vec2<u32>>;
@group(0) @binding(4) var<uniform> params: Params;

struct Params {
  invocations: u32,
  // Number of pairs in a row of the table.
  row_pairs: u32,
  // Of a sample: pairs of a row, and pairs in y, with those before the row.
  sample_pairs: u32,
  target_pairs: u32,
  target_start: u32,
}

fn run(index: u32) {
  let place = index / params.sample_pairs * params.target_pairs + params.target_start + index % params.sample_pairs;
  y[place] = rows[row_of_pass[counter[0]] * params.row_pairs + index % params.row_pairs];
}
