import type { Preflight } from '../../client/preflight';
import { formatBytes, formatDuration } from '../headline';

/** What a run will take, in the words of the question that is asked before it starts. */
export function estimateText(estimate: Preflight): string {
  const { backend, trainable, total, modules, steps, warnings } = estimate;
  const share = ((100 * trainable) / total).toPrecision(2);
  const facts = [
    `${backend.name} backend`,
    `${trainable.toLocaleString('en')} trainable parameters (${share} %) in ${modules} modules`,
    `about ${formatBytes(estimate.memoryBytes)} of ${formatBytes(estimate.memoryLimit)} memory`,
    `${steps} steps over ${estimate.trainExamples} examples`,
    `about ${formatDuration(estimate.secondsEstimate)} (${estimate.secondsBasis})`,
  ];
  return [`${facts.join(' · ')}.`, ...warnings.map((warning) => `⚠ ${warning}`)].join(' ');
}
