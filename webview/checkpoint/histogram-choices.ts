import { h, setText } from '../components/h';
import { button, setDisabled } from '../components/toolkit';
import { canMeasure, type CheckpointState } from './state';
import { shapeText, sizeText } from './texts';

const BIN_CHOICES = [16, 32, 64, 128, 256] as const;

interface Listeners {
  readonly count: (tensor: number) => void;
  readonly cancel: () => void;
  readonly changed: () => void;
}

/** What to count, in how many bars, and how far it is. */
export function histogramChoices(state: CheckpointState, { count, cancel, changed }: Listeners) {
  let tensor: number | undefined;
  const start = button({
    label: 'Histogram',
    title: 'Read all values of the selected tensor and count them',
    press: () => tensor !== undefined && count(tensor),
  });
  const stop = button({ label: 'Cancel', title: 'Give up counting', press: cancel });
  const bins = h(
    'select',
    { id: 'choose-bins' },
    ...BIN_CHOICES.map((n) => h('option', { value: n, selected: n === state.view.bins }, `${n}`)),
  );
  bins.addEventListener('change', () => {
    state.view.bins = Number(bins.value);
    changed();
    const counted = state.counted?.tensor;
    if (counted !== undefined) count(counted);
  });
  const log = h('input', { type: 'checkbox', id: 'log-counts' });
  log.addEventListener('change', () => {
    state.view.logCounts = log.checked;
    changed();
  });
  const what = h('span', { class: 'muted' });
  const progress = h('progress', { max: 1, 'aria-label': 'Values counted' });
  const element = h(
    'div',
    { class: 'row choice' },
    start,
    h('label', {}, 'bars ', bins),
    h('label', { class: 'row' }, log, 'log counts'),
    what,
    stop,
    progress,
  );
  const update = (selected: number | undefined): void => {
    tensor = selected;
    const { contents, work } = state;
    const entry = selected === undefined ? undefined : contents?.tensors[selected];
    setDisabled(start, !entry || !canMeasure(state));
    stop.hidden = progress.hidden = !work.histogram;
    if (work.histogram) progress.value = work.histogram.done / Math.max(1, work.histogram.total);
    setText(
      what,
      entry
        ? `of ${entry.name}, ${entry.dtype} ${shapeText(entry)}: reads ${sizeText(entry.end - entry.begin)} twice`
        : 'no tensor is selected',
    );
  };
  return { element, update };
}
