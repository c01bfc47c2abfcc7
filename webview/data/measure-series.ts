import { MEASURES, type MeasureDescription, type MeasureKey } from '../../src/shared/measures';
import {
  QUANTITIES,
  type QuantityDescription,
  type QuantityKey,
} from '../../src/shared/quantities';
import type { RunModel } from '../../src/shared/run-model';
import type { Series } from './table-data';

/** One number of each probe that has it. NaN: measured, but not applicable. */
export function measureSeries(model: RunModel, key: MeasureKey): Series {
  const probes = model.probes.filter(({ measures }) => measures?.[key] !== undefined);
  return {
    name: MEASURES[key].label,
    steps: probes.map(({ step }) => step),
    values: probes.map(({ measures }) => measures?.[key] ?? NaN),
  };
}

/** Descriptions are written for Markdown, too. */
export function plain(text: string): string {
  return text.replaceAll('`', '');
}

/** What a measure is, how it is computed and where it lives, for hovers and definitions. */
export function measureDefinition(key: MeasureKey): string {
  return definition(MEASURES[key]);
}

export function quantityDefinition(key: QuantityKey): string {
  return definition(QUANTITIES[key]);
}

function definition({
  summary,
  formula,
  space,
  gaugeInvariant,
}: Pick<MeasureDescription, 'summary' | 'space' | 'gaugeInvariant'> &
  Pick<QuantityDescription, 'formula'>): string {
  const gauge = `${gaugeInvariant ? 'unchanged' : 'changed'} by (B, A) → (BR⁻¹, RA)`;
  return plain(`${summary}${formula ? ` Formula: ${formula}.` : ''} Space: ${space}; ${gauge}.`);
}
