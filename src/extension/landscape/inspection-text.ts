import * as vscode from 'vscode';
import type { InspectionListing } from '../../client/inspection-store';
import { describeError } from '../../shared/errors';
import { LANDSCAPE_MEASURES } from '../../shared/inspection/measures';
import { age } from '../headline';

/** `completed · 3 hours ago`; while it runs, how far it is. */
export function inspectionStatus({ model, manifest, error }: InspectionListing): string {
  if (!model) return error ? describeError(error) : vscode.l10n.t('cannot be read');
  const status =
    model.status === 'running' ? `${Math.round(100 * model.fraction)} %` : model.status;
  const failed = model.failures.size;
  return [
    status,
    failed > 0 ? vscode.l10n.t('{0} failed', failed) : '',
    manifest && age(manifest.createdAt, Date.now(), vscode.env.language),
  ]
    .filter(Boolean)
    .join(' · ');
}

/** `SAM sharpness, Hessian trace · row` */
export function inspectionContent({ manifest }: InspectionListing): string {
  if (!manifest) return '';
  const { tasks } = manifest.request;
  const labels = [...new Set(tasks.map(({ measure }) => LANDSCAPE_MEASURES[measure].label))];
  const spaces = [...new Set(tasks.map(({ space }) => space))];
  return `${labels.join(', ')} · ${spaces.join(', ')}`;
}
