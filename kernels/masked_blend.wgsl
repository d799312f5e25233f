// For inpainting: y = known where the mask is set, otherwise x.
//
// x, known, y: f32 [pixels, channels4]; mask: f32 [pixels, 1], padded to one vec4; it is set where it is not zero. One
// invocation per vec4.
//
//: use lib/elementwise.wgsl

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> known: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> mask: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> params: Params;

struct Params {
  invocations: u32,
  channels4: u32,
}

fn run(index: u32) {
  y[index] = select(x[index], known[index], mask[index / params.channels4].x != 0.0);
}
