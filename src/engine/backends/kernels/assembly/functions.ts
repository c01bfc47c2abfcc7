import { multiplyAdd } from './lanes';

/** eˣ within 2 units in the last place; 0 below −103.97, ∞ above 88.73, NaN for NaN. */
export function exp(x: v128): v128 {
  // 2ⁿ·e^f with n whole and |f| ≤ ln2/2; the limits keep n small enough for two powers of two.
  const bounded = f32x4.min(f32x4.max(x, f32x4.splat(-105)), f32x4.splat(90));
  const n = f32x4.nearest(f32x4.mul(bounded, f32x4.splat(1.4426950408889634)));
  let f = f32x4.sub(bounded, f32x4.mul(n, f32x4.splat(0.693359375)));
  f = f32x4.sub(f, f32x4.mul(n, f32x4.splat(-2.1219444e-4)));
  let y = f32x4.splat(1.98756915e-4);
  y = multiplyAdd(y, f, f32x4.splat(1.3981999507e-3));
  y = multiplyAdd(y, f, f32x4.splat(8.3334519073e-3));
  y = multiplyAdd(y, f, f32x4.splat(4.1665795894e-2));
  y = multiplyAdd(y, f, f32x4.splat(1.6666665459e-1));
  y = multiplyAdd(y, f, f32x4.splat(5.0000001201e-1));
  y = multiplyAdd(f32x4.mul(y, f), f, f32x4.add(f, f32x4.splat(1)));
  const whole = i32x4.trunc_sat_f32x4_s(n);
  const half = i32x4.shr_s(whole, 1);
  return f32x4.mul(f32x4.mul(y, powerOfTwo(half)), powerOfTwo(i32x4.sub(whole, half)));
}

function powerOfTwo(n: v128): v128 {
  return i32x4.shl(i32x4.add(n, i32x4.splat(127)), 23);
}

/** erf x within 3e-7; a quotient of polynomials in x², |x| ≤ 4. NaN for NaN. */
export function erf(x: v128): v128 {
  const bounded = f32x4.min(f32x4.max(x, f32x4.splat(-4)), f32x4.splat(4));
  const square = f32x4.mul(bounded, bounded);
  let above = f32x4.splat(-2.72614225801306e-10);
  above = multiplyAdd(above, square, f32x4.splat(2.77068142495902e-8));
  above = multiplyAdd(above, square, f32x4.splat(-2.10102402082508e-6));
  above = multiplyAdd(above, square, f32x4.splat(-5.69250639462346e-5));
  above = multiplyAdd(above, square, f32x4.splat(-7.34990630326855e-4));
  above = multiplyAdd(above, square, f32x4.splat(-2.9545999670625e-3));
  above = multiplyAdd(above, square, f32x4.splat(-1.60960333262415e-2));
  let below = f32x4.splat(-1.45660718464996e-5);
  below = multiplyAdd(below, square, f32x4.splat(-2.13374055278905e-4));
  below = multiplyAdd(below, square, f32x4.splat(-1.68282697438203e-3));
  below = multiplyAdd(below, square, f32x4.splat(-7.37332916720468e-3));
  below = multiplyAdd(below, square, f32x4.splat(-1.42647390514189e-2));
  return f32x4.div(f32x4.mul(bounded, above), below);
}

/** tanh x within 2e-7. */
export function tanh(x: v128): v128 {
  const power = exp(f32x4.add(x, x));
  const one = f32x4.splat(1);
  // 1 where the power overflows.
  return f32x4.sub(one, f32x4.div(f32x4.splat(2), f32x4.add(power, one)));
}
