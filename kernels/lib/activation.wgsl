// Activations of four channels at a time.
//
// Arguments of exp are at most 80, so nothing overflows: WGSL does not guarantee infinities. NaN stays NaN, as in
// torch. So select limits the values: min and max may return the other operand for NaN.

//: enum ACTIVATION
const ACTIVATION_NONE: u32 = 0u;
const ACTIVATION_SILU: u32 = 1u;
const ACTIVATION_GELU: u32 = 2u;
const ACTIVATION_QUICK_GELU: u32 = 3u;
const ACTIVATION_RELU: u32 = 4u;
const ACTIVATION_GELU_TANH: u32 = 5u;
const ACTIVATION_MISH: u32 = 6u;

fn sigmoid(x: vec4<f32>) -> vec4<f32> {
  return 1.0 / (1.0 + exp(select(-x, vec4<f32>(80.0), x < vec4<f32>(-80.0))));
}

/// x · sigmoid(x)
fn silu(x: vec4<f32>) -> vec4<f32> {
  return x * sigmoid(x);
}

/// Upper tail of the normal distribution, erfc(x / √2) / 2, for x >= 0.
///
/// erfc(z) = exp(-z²) · t · P(t) with t = 1 / (1 + 0.425 z); P is a minimax fit with a relative error below 1.5e-7 for
/// every z in [0, 10]. So the tail keeps the digits that 1 - erf(z) would lose by cancellation.
fn normal_tail(x: vec4<f32>) -> vec4<f32> {
  let z = min(x * 0.70710678, vec4<f32>(10.0));
  let t = 1.0 / (1.0 + 0.425 * z);
  var p = vec4<f32>(0.0714784339);
  p = p * t - 0.31315735;
  p = p * t + 0.407617897;
  p = p * t - 0.103250727;
  p = p * t + 0.255086154;
  p = p * t + 0.200706229;
  p = p * t + 0.241840571;
  p = p * t + 0.239678636;
  return 0.5 * p * t * exp(-z * z);
}

/// x · Φ(x): the exact GELU, torch's default.
fn gelu(x: vec4<f32>) -> vec4<f32> {
  let tail = normal_tail(abs(x));
  return x * select(1.0 - tail, tail, x < vec4<f32>(0.0));
}

/// x · sigmoid(1.702 x), the approximation that OpenAI's CLIP was trained with.
fn quick_gelu(x: vec4<f32>) -> vec4<f32> {
  return x * sigmoid(1.702 * x);
}

/// x · (1 + tanh(u)) / 2 with u = sqrt(2 / pi) (x + 0.044715 x^3): torch's GELU with approximate="tanh".
///
/// (1 + tanh(u)) / 2 is sigmoid(2 u), which keeps its digits for negative u. Beyond ±20 it is 0 or 1.
fn gelu_tanh(x: vec4<f32>) -> vec4<f32> {
  let near = clamp(x, vec4<f32>(-20.0), vec4<f32>(20.0));
  return x * sigmoid(1.5957691 * (near + 0.044715 * near * near * near));
}

/// x · tanh(ln(1 + e^x)) (Misra 2019).
///
/// With n = e^x (e^x + 2), the tangent is n / (n + 2), which keeps its digits for negative x. Above 20 it is 1.
fn mish(x: vec4<f32>) -> vec4<f32> {
  let e = exp(select(x, vec4<f32>(20.0), x > vec4<f32>(20.0)));
  let n = e * (e + 2.0);
  return x * (n / (n + 2.0));
}

fn activate(kind: u32, x: vec4<f32>) -> vec4<f32> {
  switch kind {
    case ACTIVATION_SILU: { return silu(x); }
    case ACTIVATION_GELU: { return gelu(x); }
    case ACTIVATION_QUICK_GELU: { return quick_gelu(x); }
    case ACTIVATION_GELU_TANH: { return gelu_tanh(x); }
    case ACTIVATION_MISH: { return mish(x); }
    case ACTIVATION_RELU: { return select(x, vec4<f32>(0.0), x < vec4<f32>(0.0)); }
    default: { return x; }
  }
}
