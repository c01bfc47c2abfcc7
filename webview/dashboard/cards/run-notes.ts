import { ADAPTERS } from '../../../src/shared/adapters';
import { describeError } from '../../../src/shared/errors';
import type { RunModel } from '../../../src/shared/run-model';
import { h } from '../../components/h';
import { formatBytes, formatCount } from '../../data/format';

/** Warnings, checkpoints, and what the numbers above were made with. */
export class RunNotes {
  readonly #list = h('dl', { class: 'facts' });
  #shown = '';

  constructor(section: HTMLElement, title: string) {
    section.replaceChildren(
      h('h2', { id: section.getAttribute('aria-labelledby') ?? undefined }, title),
      this.#list,
    );
  }

  showMessage(text: string): void {
    this.#show([['', [text]]]);
  }

  update(model: RunModel): void {
    const { manifest } = model;
    const { config, backend, data, parameters } = manifest;
    const refused = backend.refused.map(({ name, reason }) => `${name} refused: ${reason}`);
    this.#show([
      ['Error', model.error ? [describeError(model.error)] : []],
      ['Warnings', model.warnings.map(({ code, message }) => `${message} (${code})`)],
      [
        'Degenerate perturbations',
        model.degenerate > 0
          ? [`${formatCount(model.degenerate)} module steps had a zero or non-finite perturbation`]
          : [],
      ],
      [
        'Checkpoints',
        model.checkpoints.map(
          ({ step, directory, bytes }) =>
            `step ${formatCount(step)}: ${directory} (${formatBytes(bytes)})`,
        ),
      ],
      [
        'Adapter',
        [`${ADAPTERS[config.adapter.type].title} (adapter.type: ${config.adapter.type})`],
      ],
      ['Backend', [`${backend.name}: ${backend.reason}`, ...refused]],
      ['Model', [`${config.model.name_or_path} (${manifest.model.architecture})`]],
      [
        'Parameters',
        [`${formatCount(parameters.trainable)} trained of ${formatCount(parameters.total)}`],
      ],
      ['Examples', [`${formatCount(data.train)} train, ${formatCount(data.eval)} evaluation`]],
      ['Config', [manifest.configFile]],
    ]);
  }

  #show(facts: readonly (readonly [string, readonly string[]])[]): void {
    const key = JSON.stringify(facts);
    if (key === this.#shown) return;
    this.#shown = key;
    this.#list.replaceChildren(
      ...facts
        .filter(([, lines]) => lines.length > 0)
        .flatMap(([name, lines]) => [
          h('dt', {}, name || 'Status'),
          ...lines.map((line) => h('dd', {}, line)),
        ]),
    );
  }
}
