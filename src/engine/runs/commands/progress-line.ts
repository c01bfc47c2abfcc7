import type { WriteStream } from 'node:tty';
import type { RunEvent } from '../../../shared/events';
import { shortNumber } from './table';

/** Live progress: one line rewritten in a terminal, a line now and then elsewhere. */
export class ProgressLine {
  private lastPrinted = 0;

  constructor(private readonly out: WriteStream) {}

  /** A line that stays. */
  note(text: string): void {
    this.clear();
    this.out.write(`${text}\n`);
  }

  /** Takes the rewritten line away. */
  clear(): void {
    if (this.out.isTTY) this.out.write('\r\x1b[K');
  }

  /** Shows an event of a run. */
  showRun(event: RunEvent, totalSteps: number): void {
    const text = describe(event, totalSteps);
    if (text === undefined) return;
    if (event.type === 'warning' || event.type === 'eval') return this.note(text);
    // Elsewhere a step every five seconds is enough, and a measure's result says that it was taken.
    if (event.type === 'phase' && event.phase === 'evaluating' && !this.out.isTTY) return;
    this.live(text, event.type === 'step' ? event.time : undefined);
  }

  /** Rewrites the line; elsewhere than in a terminal every five seconds of those that have a time. */
  live(text: string, time?: number): void {
    if (this.out.isTTY)
      return void this.out.write(`\r\x1b[K${text.slice(0, this.out.columns - 1)}`);
    if (time !== undefined) {
      if (time - this.lastPrinted < 5_000) return;
      this.lastPrinted = time;
    }
    this.out.write(`${text}\n`);
  }
}

function describe(event: RunEvent, totalSteps: number): string | undefined {
  switch (event.type) {
    case 'phase':
      return event.fraction === undefined
        ? event.message
        : `${event.message} ${Math.round(100 * event.fraction)} %`;
    case 'step':
      return `step ${event.step}/${totalSteps}  loss ${shortNumber(event.loss)}  lr ${shortNumber(event.lr)}  rho ${shortNumber(event.rho)}  ${Math.round(event.elapsedMs)} ms`;
    case 'probe':
      return `probe at step ${event.step}: sharpness ${shortNumber(event.sharpness)}`;
    case 'eval':
      return `step ${event.step}: accuracy ${shortNumber(event.accuracy)}, macro F1 ${shortNumber(event.macroF1)}, loss ${shortNumber(event.loss)}`;
    case 'checkpoint':
      return `checkpoint ${event.directory}`;
    case 'warning':
      return `warning: ${event.message}`;
    case 'started':
    case 'ended':
      return undefined;
  }
}
