// Copies a range of every row of x into a range of every row of y:
// y[r, target_start + e] = x[r, source_start + e] · scale.
//
// The rows of x are source_stride4 apart (0 repeats one row), those of y are target_stride4 apart. Starts and size
// count elements. A "row" has the channels of one position if channels are joined or sliced, and a whole sample if
// tokens are. Each row writes columns4 vec4s, beginning with the one that contains target_start. In it, values before
// the range are kept (an earlier copy wrote them). Values after the range become zero (padding, or the start of the
// next copy). One invocation per vec4 of y. If Source and Target differ, values are converted.
//
//: use lib/channels.wgsl
//: use lib/elementwise.wgsl

alias Source = f32;
alias Target = f32;

// Both starts are multiples of 4, so whole vec4s are copied.
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

/// Returns element e of the range of a row.
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
