import { norm } from '../algebra/small-matrix';

/** h‖v‖ at which the gradients of A and B had the smallest error, rounding and truncation together. */
const FIRST_STEP = 0.1;

/** Below this a step is kept: half of it changes the product by about what rounding does. */
const AGREES = 2e-4;

/** Above this a reader is warned. */
const DOUBTFUL = 1e-2;

const SMALLEST_STEP = 1e-3;
const LARGEST_STEP = 1.6;

/** Which products are checked: the first vector is random, the next ones lie where curvature is. */
const CHECKED = new Set([1, 2, 8, 32, 128, 512]);

/**
 * Finds the step of central differences by the change that halving it makes to a product: the change
 * falls with the truncation error until rounding makes it rise. At the first product the step goes
 * whichever way the change falls; at later ones that are checked it may only shrink.
 */
export class StepSearch {
  private step = FIRST_STEP;
  private products = 0;
  private largestDifference = 0;

  /** @param at the product by the step h‖v‖ */
  async product(v: Float64Array, at: Products): Promise<Float64Array> {
    if (!(norm(v) > 0)) return new Float64Array(v.length);
    this.products++;
    return CHECKED.has(this.products) ? this.checked(at) : at(this.step);
  }

  /** Which of the first `done` products its state depends on, from 0. */
  checkedBefore(done: number): readonly number[] {
    return [...CHECKED].filter((product) => product <= done).map((product) => product - 1);
  }

  /** The next product is this one, from 0. */
  goTo(product: number): void {
    this.products = product;
  }

  notes(): readonly string[] {
    if (this.products === 0) return [];
    const found = `h‖v‖ = ${this.step}; half of it changed the products that were checked by at most ${this.largestDifference.toExponential(1)} of their norm.`;
    return this.largestDifference > DOUBTFUL
      ? [found, 'The two steps disagree by more than 1 %: take the values as rough.']
      : [found];
  }

  private async checked(at: Products): Promise<Float64Array> {
    const wide = await at(this.step);
    const narrow = await at(this.step / 2);
    const first = { wide, narrow, step: this.step, difference: relativeDifference(wide, narrow) };
    let best = await improved(first, narrower, at);
    if (best === first && this.products === 1) best = await improved(first, wider, at);
    this.step = best.step;
    this.largestDifference = Math.max(this.largestDifference, best.difference);
    return best.wide;
  }
}

type Products = (step: number) => Promise<Float64Array>;

/** Products by a step and by half of it, and how far they are apart. */
interface Pair {
  readonly step: number;
  readonly wide: Float64Array;
  readonly narrow: Float64Array;
  readonly difference: number;
}

/** Goes on to the next pair while they disagree, and ever less. */
async function improved(
  pair: Pair,
  next: (pair: Pair, at: Products) => Promise<Pair>,
  at: Products,
): Promise<Pair> {
  if (!(pair.difference > AGREES)) return pair;
  const following = await next(pair, at);
  const allowed = following.step >= SMALLEST_STEP && following.step <= LARGEST_STEP;
  return allowed && following.difference < pair.difference ? improved(following, next, at) : pair;
}

async function narrower({ step, narrow }: Pair, at: Products): Promise<Pair> {
  const quarter = await at(step / 4);
  return {
    ...{ step: step / 2, wide: narrow, narrow: quarter },
    difference: relativeDifference(narrow, quarter),
  };
}

async function wider({ step, wide }: Pair, at: Products): Promise<Pair> {
  const twice = await at(2 * step);
  return {
    ...{ step: 2 * step, wide: twice, narrow: wide },
    difference: relativeDifference(twice, wide),
  };
}

function relativeDifference(p: Float64Array, q: Float64Array): number {
  const size = norm(q);
  return size > 0 ? norm(p.map((value, i) => value - (q[i] as number))) / size : norm(p);
}
