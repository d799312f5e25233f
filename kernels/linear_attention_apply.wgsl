// Linear attention, last of three kernels: y = GELU(scale · softmax(q) · context), with the softmax over the channels
// of a head.
//
// qkv: [batch, positions, 3 · heads · dim_head4]; context: [batch, heads, 4 · dim_head4, dim_head4] vec4s, f32; y:
// [batch, positions, heads, dim_head4]. If the size of a head, dim_head, is not a multiple of 4, the head ends with
// zeros, which the softmax ignores.
//
// Each invocation works on POSITIONS positions of one head, a workgroup apart. A workgroup works on one head, so its
// invocations read the same entry of the context at the same time.
//
//: use lib/activation.wgsl
//: use lib/channels.wgsl
//: use lib/numbers.wgsl

alias Element = f32;
alias Element4 = vec4<Element>;

const POSITIONS: u32 = 2u; //: const
const MAX_DIM_HEAD4: u32 = 32u; //: const
override WORKGROUP: u32 = 32u;

struct Params {
  positions: u32,
  heads: u32,
  dim_head: u32,
  dim_head4: u32,
  scale: f32,
}

@group(0) @binding(0) var<storage, read> qkv: array<Element4>;
@group(0) @binding(1) var<storage, read> context: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<Element4>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let head = wid.y;
  let sample = wid.z;
  let dim4 = params.dim_head4;
  let inner4 = params.heads * dim4;

  var position: array<u32, POSITIONS>;
  var factor: array<f32, POSITIONS>;
  var weights: array<array<vec4<f32>, MAX_DIM_HEAD4>, POSITIONS>;
  for (var r = 0u; r < POSITIONS; r++) {
    position[r] = (wid.x * POSITIONS + r) * WORKGROUP + lane;
    // Positions beyond the end repeat the last one and are not written.
    let row = sample * params.positions + min(position[r], params.positions - 1u);
    let q_start = row * 3u * inner4 + head * dim4;
    var peak = LOWEST;
    for (var i = 0u; i < dim4; i++) {
      let exists = existing_channels(i * 4u, params.dim_head);
      peak = max(peak, max_of(select(vec4<f32>(LOWEST), vec4<f32>(qkv[q_start + i]), exists)));
    }
    var total = 0.0;
    for (var i = 0u; i < dim4; i++) {
      let weight = zero_padding(exp(vec4<f32>(qkv[q_start + i]) - peak), i * 4u, params.dim_head);
      weights[r][i] = weight;
      total += sum_of(weight);
    }
    factor[r] = params.scale / total;
  }

  let context_start = (sample * params.heads + head) * 4u * dim4 * dim4;
  for (var i = 0u; i < dim4; i++) {
    // Initialised explicitly: Dawn does not clear a variable that is declared inside a loop.
    var sum = array<vec4<f32>, POSITIONS>();
    for (var d = 0u; d < dim4; d++) {
      let at = context_start + 4u * d * dim4 + i;
      let c0 = context[at];
      let c1 = context[at + dim4];
      let c2 = context[at + 2u * dim4];
      let c3 = context[at + 3u * dim4];
      for (var r = 0u; r < POSITIONS; r++) {
        let w = weights[r][d];
        sum[r] += w.x * c0 + w.y * c1 + w.z * c2 + w.w * c3;
      }
    }
    for (var r = 0u; r < POSITIONS; r++) {
      if (position[r] < params.positions) {
        let row = sample * params.positions + position[r];
        y[row * inner4 + head * dim4 + i] = Element4(gelu(sum[r] * factor[r]));
      }
    }
  }
}
