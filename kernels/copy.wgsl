// Copies a range out of every row of x into a range of every row of y: y[r, target_start + e] = x[r, source_start + e] · scale.
//
// x: rows source_stride4 apart (0 repeats one row); y: rows target_stride4 apart. Starts and size count elements, so a
// "row" is a row of channels where channels are joined or cut, and a whole sample where tokens are. Each row writes
// columns4 vec4s from the one that holds target_start on: what that one holds before the range is kept (an earlier
// copy wrote it), what follows the range becomes zero (padding, or the start of the next copy). One invocation per
// vec4 of y. Source and Target may differ: then this is a conversion.
//
//: use lib/channels.wgsl
//: use lib/elementwise.wgsl

alias Source = f32;
alias Target = f32;

// Both starts are multiples of 4: whole vec4s move.
override ALIGNED: bool = true;

@group(0) @binding(0) var<storage, read> x: array<vec4<Source>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<Target>>;
@group(0) @binding(2) var<uniform> params: Params;

struct Params {
  invocations: u32,
  columns4: u32,
  source_stride4: u32,
  target_stride4: u32,
  source_start: u32,
  target_start: u32,
  size: u32,
  scale: f32,
}

/// Element e of a row's range.
fn element(row: u32, e: u32) -> f32 {
  let at = params.source_start + e;
  return f32(x[row * params.source_stride4 + at / 4u][at % 4u]);
}

fn run(index: u32) {
  let row = index / params.columns4;
  let column = index % params.columns4;
  let target_index = row * params.target_stride4 + params.target_start / 4u + column;

  var value = vec4<f32>(0.0);
  if (ALIGNED) {
    let first = column * 4u;
    if (first < params.size) {
      let source_index = row * params.source_stride4 + params.source_start / 4u + column;
      value = zero_padding(vec4<f32>(x[source_index]) * params.scale, first, params.size);
    }
  } else {
    let shift = params.target_start % 4u;
    let kept = vec4<f32>(y[target_index]);
    for (var i = 0u; i < 4u; i++) {
      let at = column * 4u + i;
      if (at < shift) {
        value[i] = kept[i];
      } else if (at - shift < params.size) {
        value[i] = element(row, at - shift) * params.scale;
      }
    }
  }
  y[target_index] = vec4<Target>(value);
}
