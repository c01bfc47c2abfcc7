export interface ClassificationMetrics {
  readonly accuracy: number;
  /** Mean of F1 over the classes that occur as a label or a prediction; 0 where undefined. */
  readonly macroF1: number;
  /** Matthews' correlation for any number of classes; 0 where undefined. */
  readonly matthews: number;
}

/**
 * The metrics of scikit-learn: `f1_score(average='macro', zero_division=0)`, `matthews_corrcoef`.
 * @param labels class of each example
 * @param predictions predicted class of each example; NaN everywhere for no examples
 */
export function classificationMetrics(
  labels: ArrayLike<number>,
  predictions: ArrayLike<number>,
): ClassificationMetrics {
  const n = labels.length;
  if (n === 0) return { accuracy: NaN, macroF1: NaN, matthews: NaN };
  /** Per class: [true positives, labels, predictions]. */
  const counts = new Map<number, [number, number, number]>();
  const count = (label: number): [number, number, number] => {
    const known = counts.get(label) ?? [0, 0, 0];
    counts.set(label, known);
    return known;
  };
  let correct = 0;
  for (let i = 0; i < n; i++) {
    const [label, prediction] = [labels[i] ?? -1, predictions[i] ?? -1];
    count(label)[1] += 1;
    count(prediction)[2] += 1;
    if (label !== prediction) continue;
    count(label)[0] += 1;
    correct += 1;
  }
  const classes = [...counts.values()];
  const f1 = classes.map(([hits, actual, predicted]) => (2 * hits) / (actual + predicted));
  return {
    accuracy: correct / n,
    macroF1: f1.reduce((sum, value) => sum + value, 0) / f1.length,
    matthews: matthews(correct, n, classes),
  };
}

/** (c·n − Σ p_k t_k) / √((n² − Σ p_k²)(n² − Σ t_k²)) */
function matthews(
  correct: number,
  n: number,
  classes: readonly [number, number, number][],
): number {
  const sum = (of: (actual: number, predicted: number) => number) =>
    classes.reduce((total, [, actual, predicted]) => total + of(actual, predicted), 0);
  const covariance = correct * n - sum((t, p) => t * p);
  const scale = Math.sqrt(n * n - sum((_t, p) => p * p)) * Math.sqrt(n * n - sum((t) => t * t));
  return scale === 0 ? 0 : covariance / scale;
}
