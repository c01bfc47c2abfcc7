import type { ConnectionState } from '../../client/run-connection';
import type { RunEvent } from '../../shared/events';
import { HEARTBEAT_MS, type HostMessage } from '../../shared/messages';
import type { RunModel } from '../../shared/run-model';
import { packRun } from '../../shared/run-snapshot';

/** What a page shows: the part of a `RunConnection` that a page needs. */
export interface PageSource {
  readonly model: RunModel;
  readonly state: ConnectionState;
  onEvent(listener: (event: RunEvent) => void): () => void;
  onState(listener: (state: ConnectionState) => void): () => void;
}

export interface PageLinkOptions {
  post(message: HostMessage): void;
  isVisible(): boolean;
  isTrusted(): boolean;
}

/** At most ten messages a second, however fast the steps are. */
const BATCH_MS = 100;

/**
 * Keeps one page up to date. A page is known from its `ready` until it is hidden, which destroys
 * it; it gets a snapshot first and then every later event, in batches. Nothing is ever queued for a
 * hidden page: what it missed is in its next snapshot.
 */
export class PageLink {
  private page: string | undefined;
  private source: PageSource | undefined;
  private unlisten: (() => void)[] = [];
  private pending: RunEvent[] = [];
  private batch: NodeJS.Timeout | undefined;
  private readonly heartbeat: NodeJS.Timeout;
  private disposed = false;
  private failure: { message: string; remedy?: string } | undefined;

  constructor(private readonly options: PageLinkOptions) {
    this.heartbeat = setInterval(() => this.beat(), HEARTBEAT_MS);
  }

  /** The run to show from now on. */
  attach(source: PageSource): void {
    this.detach();
    this.source = source;
    this.failure = undefined;
    this.unlisten = [
      source.onEvent((event) => this.take(event)),
      source.onState(() => this.sendConnection()),
    ];
    this.sendAll();
  }

  /** There is nothing to show, and why. */
  fail(message: string, remedy?: string): void {
    this.failure = { message, ...(remedy !== undefined && { remedy }) };
    this.sendAll();
  }

  /** A page has loaded. A second `ready` is another page: the first is gone. */
  ready(page: string): void {
    if (this.disposed) return;
    this.page = page;
    this.sendAll();
  }

  visibilityChanged(): void {
    if (this.options.isVisible()) return this.sendAll();
    this.page = undefined;
    this.dropPending();
  }

  trustChanged(): void {
    this.sendConnection();
  }

  dispose(): void {
    this.disposed = true;
    clearInterval(this.heartbeat);
    this.detach();
    this.page = undefined;
  }

  private detach(): void {
    for (const stop of this.unlisten) stop();
    this.unlisten = [];
    this.dropPending();
  }

  private sendAll(): void {
    const { page, source, failure } = this;
    if (page === undefined) return;
    // The snapshot holds them, and this page may be a new one that lacks what came before them.
    this.dropPending();
    if (failure) return this.options.post({ type: 'failed', page, ...failure });
    this.sendConnection();
    if (!source) return;
    this.options.post({ type: 'snapshot', page, snapshot: packRun(source.model) });
  }

  private sendConnection(): void {
    const { page, source } = this;
    if (page === undefined) return;
    // The last events come before the news that there will be no more.
    this.flush();
    const state = source?.state ?? 'connecting';
    this.options.post({ type: 'connection', page, state, trusted: this.options.isTrusted() });
  }

  private take(event: RunEvent): void {
    if (this.page === undefined || !this.options.isVisible()) return;
    this.pending.push(event);
    this.batch ??= setTimeout(() => this.flush(), BATCH_MS);
  }

  private flush(): void {
    const events = this.pending;
    this.dropPending();
    if (this.page !== undefined && events.length > 0)
      this.options.post({ type: 'events', page: this.page, events });
  }

  private dropPending(): void {
    clearTimeout(this.batch);
    this.batch = undefined;
    this.pending = [];
  }

  private beat(): void {
    if (this.page !== undefined && this.options.isVisible())
      this.options.post({ type: 'heartbeat', page: this.page });
  }
}
