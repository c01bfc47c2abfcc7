import type { ControlAction } from '../../shared/control';

/** What clients and signals have asked of a run; the loop looks between steps. */
export class Requests {
  private readonly stopping = new AbortController();
  private readonly wanted = new Set<'checkpoint' | 'probe'>();

  /** Aborted once the run is to stop. */
  get stop(): AbortSignal {
    return this.stopping.signal;
  }

  add(action: Exclude<ControlAction, 'ping'>): void {
    if (action === 'stop') this.stopping.abort();
    else this.wanted.add(action);
  }

  /** Whether it was asked since the last time; forgets it. */
  take(action: 'checkpoint' | 'probe'): boolean {
    return this.wanted.delete(action);
  }
}
