/** Pairs of equal-length lists; a difference in length is our bug. */
export function zip<A, B>(left: readonly A[], right: readonly B[]): [A, B][] {
  if (left.length !== right.length)
    throw new Error(`lists of ${left.length} and ${right.length} cannot be paired`);
  return left.map((value, i) => [value, right[i] as B]);
}
