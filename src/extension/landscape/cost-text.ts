import type { InspectionEstimate } from '../../shared/inspection/estimate';
import { formatDuration } from '../headline';

/** What an inspection will take, in the words of the question that is asked before it starts. */
export function costText(estimate: InspectionEstimate): string {
  const { backend, units, modules, examples, length, forwards, gradients, warnings } = estimate;
  const count = (n: number) => Math.round(n).toLocaleString('en');
  const facts = [
    `${backend.name} backend`,
    `${count(units)} results over ${count(modules)} modules`,
    `${count(forwards)} forward passes and ${count(gradients)} gradients over ${count(examples)} examples of up to ${count(length)} tokens`,
    `about ${formatDuration(estimate.secondsEstimate)} (${estimate.secondsBasis})`,
  ];
  return [`${facts.join(' · ')}.`, ...warnings.map((warning) => `⚠ ${warning}`)].join(' ');
}
