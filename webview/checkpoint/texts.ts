import { describeError } from '../../src/shared/errors';
import type { CheckpointTensor, LoraPair, Problem } from '../../src/shared/checkpoint/contents';
import { formatCount } from '../data/format';

const UNITS = ['kB', 'MB', 'GB', 'TB'] as const;

/** `32 bytes`, `8,312 bytes`, `21.5 kB`, `4.29 GB`: powers of ten, as disks are sold. */
export function sizeText(bytes: number): string {
  if (bytes < 10_000) return `${formatCount(bytes)} byte${bytes === 1 ? '' : 's'}`;
  const power = Math.min(UNITS.length, Math.floor(Math.log10(bytes) / 3));
  return `${Number((bytes / 1000 ** power).toPrecision(3))} ${UNITS[power - 1]}`;
}

/** `[768, 8]`; `scalar` has no axes. */
export function shapeText({ shape }: Pick<CheckpointTensor, 'shape'>): string {
  return shape.length === 0 ? 'scalar' : `[${shape.join(', ')}]`;
}

export function pairName({ module, adapter }: Pick<LoraPair, 'module' | 'adapter'>): string {
  return adapter === '' ? module : `${module} (${adapter})`;
}

/** A problem in one sentence, with what to do about it. */
export function problemText(problem: Problem): string {
  const { place, expected, found, remedy, ...rest } = problem;
  return describeError({
    ...rest,
    ...(place && { place: { ...defined(place) } }),
    ...(expected !== undefined && { expected }),
    ...(found !== undefined && { found }),
    ...(remedy !== undefined && { remedy }),
  });
}

function defined<T extends object>(fields: T) {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** `12:03:11`, as the user writes it. */
export function timeText(ms: number): string {
  return new Date(ms).toLocaleTimeString();
}

/** The last part of a dotted name that still tells modules apart on an axis. */
export function fileStem(name: string): string {
  return name.replace(/\.safetensors(\.index\.json)?$/, '');
}
