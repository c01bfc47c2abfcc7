import type { CardView } from '../../src/shared/inspection/messages';
import type { LandscapeMeasureDescription } from '../../src/shared/inspection/measures';
import { h } from '../components/h';
import { hasWebGl } from '../charts/webgl';
import { EVERY_SCOPE, shownScope } from './cards/shown-scope';
import type { DrawContext } from './state';

type Kind = LandscapeMeasureDescription['kind'];

const SCOPED: readonly Kind[] = ['density', 'line', 'surface'];
const SORTED: readonly Kind[] = ['scalar', 'eigenvalues'];
const LOGARITHMIC: readonly Kind[] = ['density', 'line'];

interface ChoiceOptions {
  readonly id: string;
  readonly kind: Kind;
  readonly change: (view: CardView) => void;
}

/** What one card is asked to show, and what could not be measured in it. Native controls. */
export class CardChoices {
  readonly element: HTMLElement;
  readonly #kind: Kind;
  readonly #scope: HTMLSelectElement;
  readonly #plot: HTMLSelectElement;
  readonly #sort: HTMLSelectElement;
  readonly #log: HTMLInputElement;
  readonly #rows: Readonly<Record<'scope' | 'plot' | 'sort' | 'log', HTMLElement>>;
  readonly #failures = h('ul', { class: 'failures', 'aria-label': 'Not measured' });
  #shownFailures = '';

  constructor({ id, kind, change }: ChoiceOptions) {
    this.#kind = kind;
    const select = (name: string, changed: (value: string) => void) => {
      const element = h('select', { id: `${id}-${name}` });
      element.addEventListener('change', () => changed(element.value));
      return element;
    };
    this.#scope = select('scope', (scope) => change({ scope }));
    this.#plot = select('plot', (plot) => change({ plot: plot as 'surface' | 'contour' }));
    this.#sort = select('sort', (sort) => change({ sort: sort as 'depth' | 'value' }));
    this.#log = h('input', { type: 'checkbox', id: `${id}-log` });
    this.#log.addEventListener('change', () => change({ log: this.#log.checked }));
    fill(this.#plot, [
      ['surface', '3D surface'],
      ['contour', 'contours'],
    ]);
    fill(this.#sort, [
      ['depth', 'depth'],
      ['value', 'value'],
    ]);
    this.#rows = {
      scope: labelled('Scope', this.#scope),
      plot: labelled('Draw as', this.#plot),
      sort: labelled('Sort by', this.#sort),
      log: h('div', { class: 'row choice' }, h('label', {}, this.#log, ' Logarithmic axis')),
    };
    const { scope, plot, sort, log } = this.#rows;
    this.element = h(
      'div',
      {},
      h('div', { class: 'row card-choices' }, scope, plot, sort, log),
      this.#failures,
    );
  }

  update({ units, card }: DrawContext): void {
    const several = units.scopes.length > 1;
    const kind = this.#kind;
    this.#rows.scope.hidden = !(several && SCOPED.includes(kind));
    this.#rows.plot.hidden = kind !== 'surface' || !hasWebGl();
    this.#rows.sort.hidden = !(several && SORTED.includes(kind));
    this.#rows.log.hidden = !LOGARITHMIC.includes(kind);
    fill(this.#scope, [
      ...(kind === 'line' ? [[EVERY_SCOPE, 'all scopes side by side'] as const] : []),
      ...units.scopes.map((scope) => [scope, units.names.get(scope) ?? scope] as const),
    ]);
    const every = kind === 'line' && card.scope === EVERY_SCOPE;
    setValue(this.#scope, every ? EVERY_SCOPE : (shownScope({ units, card }) ?? ''));
    setValue(this.#plot, card.plot ?? 'surface');
    setValue(this.#sort, card.sort ?? 'depth');
    this.#log.checked = card.log ?? kind === 'density';
    this.#showFailures(units);
  }

  #showFailures({ failures, names }: DrawContext['units']): void {
    const lines = failures.map(({ scope, rho, text }) => {
      const at = rho === undefined ? '' : `, ρ ${rho}`;
      return `${names.get(scope) ?? scope}${at}: ${text}`;
    });
    const key = lines.join('\n');
    if (key === this.#shownFailures) return;
    this.#shownFailures = key;
    this.#failures.replaceChildren(...lines.map((line) => h('li', {}, line)));
  }
}

function labelled(text: string, select: HTMLSelectElement): HTMLElement {
  return h('div', { class: 'row choice' }, h('label', { for: select.id }, text), select);
}

function fill(
  select: HTMLSelectElement,
  entries: readonly (readonly [value: string, text: string])[],
): void {
  const same =
    select.options.length === entries.length &&
    entries.every(([value], i) => select.options[i]?.value === value);
  if (!same)
    select.replaceChildren(...entries.map(([value, text]) => h('option', { value }, text)));
}

function setValue(select: HTMLSelectElement, value: string): void {
  if (select.value !== value) select.value = value;
}
