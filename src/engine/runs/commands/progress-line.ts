import type { WriteStream } from 'node:tty';
import type { RunConnection } from '../../../client/run-connection';
import type { RunEvent } from '../../../shared/events';
import { shortNumber } from './table';

/** Live progress: one line rewritten in a terminal, a line now and then elsewhere. */
export class ProgressLine {
  private lastStepPrinted = 0;

  constructor(private readonly out: WriteStream) {}

  /** Shows a run until the returned function is called. */
  watch(connection: RunConnection): () => void {
    return connection.onEvent((event) => this.show(event, connection.model.totalSteps));
  }

  /** A line that stays. */
  note(text: string): void {
    this.clear();
    this.out.write(`${text}\n`);
  }

  /** Takes the rewritten line away. */
  clear(): void {
    if (this.out.isTTY) this.out.write('\r\x1b[K');
  }

  private show(event: RunEvent, totalSteps: number): void {
    const text = describe(event, totalSteps);
    if (text === undefined) return;
    if (event.type === 'warning' || event.type === 'eval') return this.note(text);
    if (this.out.isTTY)
      return void this.out.write(`\r\x1b[K${text.slice(0, this.out.columns - 1)}`);
    // Elsewhere a step every five seconds is enough, and a measure's result says that it was taken.
    if (event.type === 'phase' && event.phase === 'evaluating') return;
    if (event.type === 'step') {
      if (event.time - this.lastStepPrinted < 5_000) return;
      this.lastStepPrinted = event.time;
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
