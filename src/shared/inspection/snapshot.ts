import type { InspectionManifest } from './manifest';
import { emptyInspectionModel, type InspectionModel } from './model';

/** A whole `InspectionModel` as it crosses to a page. */
export interface InspectionSnapshot {
  readonly manifest: InspectionManifest;
  /** Everything else as JSON text, non-finite numbers as `{ $number }` and maps as `{ $map }`. */
  readonly rest: string;
}

export function packInspection({ manifest, ...rest }: InspectionModel): InspectionSnapshot {
  return { manifest, rest: JSON.stringify(rest, packed) };
}

export function unpackInspection({ manifest, rest }: InspectionSnapshot): InspectionModel {
  const fields = JSON.parse(rest, unpacked) as Omit<InspectionModel, 'manifest'>;
  return { ...emptyInspectionModel(manifest), ...fields };
}

function packed(_key: string, value: unknown): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) return { $number: String(value) };
  return value instanceof Map ? { $map: [...value] } : value;
}

function unpacked(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if ('$number' in value) return Number(value.$number);
  return '$map' in value ? new Map(value.$map as [unknown, unknown][]) : value;
}
