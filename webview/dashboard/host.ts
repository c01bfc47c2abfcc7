import {
  HEARTBEAT_MS,
  hostMessageSchema,
  pageStateSchema,
  type HostMessage,
  type PageMessage,
  type PageState,
} from '../../src/shared/messages';

interface VsCodeApi {
  postMessage(message: PageMessage): void;
  getState(): unknown;
  setState(state: PageState): void;
}

declare function acquireVsCodeApi(): VsCodeApi;

type Request = Extract<PageMessage, { id: number }>;
/** A request without the id that `Host` gives it. */
export type RequestBody = Request extends infer R
  ? R extends Request
    ? Omit<R, 'id'>
    : never
  : never;

export interface Reply {
  readonly ok: boolean;
  readonly message?: string | undefined;
}

export interface HostListeners {
  readonly message: (message: Exclude<HostMessage, { type: 'reply' | 'heartbeat' }>) => void;
  readonly heard: (heard: boolean) => void;
  readonly problem: (message: string) => void;
}

/** Longest wait for an answer; a save dialog may stay open, so that one is not counted as late. */
const REPLY_MS = 15_000;

/** The page's side of `messages.ts`. */
export class Host {
  readonly #api = acquireVsCodeApi();
  readonly #listeners: HostListeners;
  readonly #replies = new Map<number, (reply: Reply) => void>();
  #page = '';
  #nextId = 1;
  #lastHeard = performance.now();

  constructor(listeners: HostListeners) {
    this.#listeners = listeners;
    addEventListener('message', (event) => this.#receive(event.data));
    // A hidden page's clock may have stood still: it was not the host that was silent.
    document.addEventListener('visibilitychange', () => (this.#lastHeard = performance.now()));
    setInterval(() => this.#checkHeard(), HEARTBEAT_MS / 2);
  }

  /** Asks for a snapshot under a new page id; what was meant for the old one is ignored. */
  ready(): void {
    this.#page = crypto.randomUUID();
    this.#api.postMessage({ type: 'ready', page: this.#page });
  }

  /** @returns whether it was done, and what the host says about it */
  async request(body: RequestBody): Promise<Reply> {
    const id = this.#nextId++;
    const answer = new Promise<Reply>((resolve) => {
      this.#replies.set(id, resolve);
      if (body.type !== 'export')
        setTimeout(
          () => resolve({ ok: false, message: 'The extension did not answer.' }),
          REPLY_MS,
        );
    });
    this.#api.postMessage({ ...body, id } as Request);
    const reply = await answer;
    this.#replies.delete(id);
    return reply;
  }

  /** Tells the host what went wrong here, for its log. */
  report(message: string): void {
    this.#api.postMessage({ type: 'problem', message });
  }

  /** The state of an earlier load, if it is one of ours. */
  readState(): PageState | undefined {
    return pageStateSchema.safeParse(this.#api.getState()).data;
  }

  writeState(state: PageState): void {
    this.#api.setState(state);
  }

  #receive(data: unknown): void {
    const parsed = hostMessageSchema.safeParse(data);
    if (!parsed.success) {
      // Messages of the webview's own machinery are no business of ours.
      if (!isTyped(data)) return;
      const issue = parsed.error.issues[0];
      const place = issue?.path.join('.') || 'type';
      this.#problem(`A message from the extension is not readable: ${place}: ${issue?.message}.`);
      return;
    }
    const message = parsed.data;
    if (message.type === 'reply') {
      this.#replies.get(message.id)?.(message);
      return;
    }
    if (message.page !== this.#page) return;
    this.#lastHeard = performance.now();
    this.#listeners.heard(true);
    if (message.type === 'heartbeat') return;
    try {
      this.#listeners.message(message);
    } catch (error) {
      this.#problem(`${error instanceof Error ? error.message : String(error)}. Asking again.`);
      this.ready();
    }
  }

  #problem(message: string): void {
    this.report(message);
    this.#listeners.problem(message);
  }

  #checkHeard(): void {
    if (document.hidden) return;
    if (performance.now() - this.#lastHeard > 3 * HEARTBEAT_MS) this.#listeners.heard(false);
  }
}

function isTyped(data: unknown): boolean {
  return typeof data === 'object' && data !== null && 'type' in data;
}
