import type { LayerKey } from './columns';

/** A number of a table: four digits, plain ASCII, so that a copied column is still numbers. */
export function cellText(key: LayerKey, value: number): string {
  if (Number.isNaN(value)) return '-';
  if (key === 'share') return `${(100 * value).toFixed(1)} %`;
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  return digits(value, 4);
}

/** A number inside a sentence or a hint: three digits at most, no trailing zeros. */
export function shortNumber(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? '∞' : Number.isNaN(value) ? '–' : '−∞';
  return String(Number(digits(value, 3))).replace('-', '−');
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)} %`;
}

/** Local time to the minute. */
export function timeText(time: number): string {
  const date = new Date(time);
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

/**
 * `encoder.layer.3.attention.self.value` is too long for a hint: `3.attention.self.value`. Without
 * a number the last part alone.
 */
export function shortPath({ path, layer }: { path: string; layer: number | null }): string {
  const at = layer === null ? -1 : path.indexOf(`.${layer}.`);
  return at < 0 ? (path.split('.').at(-1) ?? path) : path.slice(at + 1);
}

function digits(value: number, count: number): string {
  const size = Math.abs(value);
  if (size === 0) return '0';
  return size >= 1e5 || size < 1e-3 ? value.toExponential(count - 1) : value.toPrecision(count);
}
