// The running subscriptions, at most one in each tab. GraphiQL ends a subscription when another tab is chosen, and shows only its last
// result. Here a stream continues until it is stopped or its tab is closed, and its results accumulate.

import type { Observable } from '@graphiql/toolkit';
import type { ExecutionResult } from 'graphql';

export interface Observer {
  next(result: ExecutionResult): void;
  complete(): void;
}

/** Starts a subscription. Returns a function that ends it. */
export type Start = (observer: Observer) => () => void;

interface Tabs {
  tabs: readonly { id: string; title: string }[];
  activeTabIndex: number;
}

/** The maximum of shown results: their number, and their characters of JSON. The latest one is always shown. */
const MAX_RESULTS = 100;
const MAX_LENGTH = 256 * 1024;

/** The interval at which new results are shown: the editor lays out the whole text each time. */
const SHOW_MS = 100;

/** The time within which another tab is shown after a stop, if that is why GraphiQL stopped. */
const TAB_MS = 500;

export class Streams {
  readonly #running = new Map<string, Stream>();
  readonly #listeners = new Set<() => void>();
  #tab = '';
  #tabs: Tabs['tabs'] = [];
  #elsewhere = '';
  #resuming: Stream | undefined;

  /** Opens a stream in the current tab, once GraphiQL observes the returned value. */
  open(start: Start): Observable<ExecutionResult> {
    return this.#observable(new Stream(this.#tab, start, () => this.#forget()));
  }

  /** The stream to show again, if GraphiQL subscribes while enter runs it; undefined otherwise. */
  takeResumed(): Observable<ExecutionResult> | undefined {
    const stream = this.#resuming;
    this.#resuming = undefined;
    return stream && this.#observable(stream);
  }

  /** Updates the tabs, each time they change. */
  readonly changed = ({ tabs, activeTabIndex }: Tabs) => {
    const tab = tabs[activeTabIndex]?.id ?? '';
    // A new tab does not end the subscription of the one before it, whose results would be written into the new one.
    if (tab !== this.#tab) this.#running.get(this.#tab)?.detach();
    this.#tab = tab;
    this.#tabs = tabs;
    for (const [id, stream] of this.#running) {
      if (!tabs.some((tab) => tab.id === id)) this.#end(id, stream);
    }
    this.#tell();
  };

  /** Called when a tab is shown and its editors are filled. If a stream runs in it, GraphiQL's run shows it again. */
  enter(tab: string, run: () => void): void {
    this.#tab = tab;
    const stream = this.#running.get(tab);
    if (!stream || stream.isShown) return;
    this.#resuming = stream;
    run();
    // GraphiQL did not subscribe, because it cannot parse the variables or the headers.
    if (this.#resuming) this.#end(tab, stream);
    this.#resuming = undefined;
  }

  endAll(): void {
    for (const [tab, stream] of this.#running) this.#end(tab, stream);
  }

  /** The titles of the other tabs in which a stream runs; "" for none. */
  elsewhere(): string {
    return this.#elsewhere;
  }

  /** Calls listener when elsewhere changes. Returns a function that stops this. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #observable(stream: Stream): Observable<ExecutionResult> {
    const observe = (observer: Observer) => {
      this.#running.set(stream.tab, stream);
      stream.attach(observer);
      return () => {
        stream.detach();
        // GraphiQL stops a stream before it shows another tab, sometimes several ticks before. After a stop by hand, the tab stays.
        setTimeout(() => {
          if (this.#tab === stream.tab && !stream.isShown) this.#end(stream.tab, stream);
        }, TAB_MS);
      };
    };
    return {
      subscribe(observer: Observer) {
        return { unsubscribe: observe(observer) };
      },
      // Observable also declares the older form with three functions; GraphiQL passes an observer.
    } as Observable<ExecutionResult>;
  }

  #end(tab: string, stream: Stream): void {
    if (this.#running.get(tab) === stream) this.#running.delete(tab);
    stream.end();
    this.#tell();
  }

  // The stream ended by itself and was shown to its end.
  #forget(): void {
    for (const [tab, stream] of this.#running) if (stream.isOver) this.#running.delete(tab);
    this.#tell();
  }

  #tell(): void {
    const elsewhere = this.#tabs
      .filter(({ id }) => id !== this.#tab && this.#running.has(id))
      .map(({ title }) => title)
      .join(', ');
    if (elsewhere === this.#elsewhere) return;
    this.#elsewhere = elsewhere;
    for (const listener of this.#listeners) listener();
  }
}

/** One subscription, whether or not its tab is shown. */
class Stream {
  readonly tab: string;
  readonly #start: Start;
  readonly #forget: () => void;
  #stop: (() => void) | undefined;
  #observer: Observer | undefined;
  #completed = false;
  #received = 0;
  #isNew = false;
  /** Newest first. */
  readonly #latest: { result: ExecutionResult; length: number }[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(tab: string, start: Start, forget: () => void) {
    this.tab = tab;
    this.#start = start;
    this.#forget = forget;
  }

  get isShown(): boolean {
    return this.#observer !== undefined;
  }

  /** Whether it has ended, and its last result was shown. */
  get isOver(): boolean {
    return this.#completed && !this.isShown;
  }

  /** Shows all results, past and future. The first call starts the subscription. */
  attach(observer: Observer): void {
    this.#observer = observer;
    if (this.#received > 0) this.#show();
    // After GraphiQL has received its subscription.
    if (this.#completed) queueMicrotask(() => this.#finish());
    this.#stop ??= this.#start({
      next: (result) => this.#receive(result),
      complete: () => {
        this.#completed = true;
        this.#finish();
      },
    });
  }

  /** Continues in the background. */
  detach(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const observer = this.#observer;
    this.#observer = undefined;
    observer?.complete();
  }

  end(): void {
    this.#stop?.();
    this.detach();
  }

  #receive(result: ExecutionResult): void {
    this.#received++;
    this.#latest.unshift({ result, length: JSON.stringify(result).length });
    let length = this.#latest.reduce((sum, one) => sum + one.length, 0);
    while (this.#latest.length > 1 && (this.#latest.length > MAX_RESULTS || length > MAX_LENGTH)) {
      length -= this.#latest.pop()?.length ?? 0;
    }
    this.#isNew = true;
    if (this.#timer === undefined) this.#showNow();
  }

  /** Shows new results, and collects further ones until the text may be laid out again. */
  #showNow(): void {
    this.#timer = undefined;
    if (!this.#observer || !this.#isNew) return;
    this.#show();
    this.#timer = setTimeout(() => this.#showNow(), SHOW_MS);
  }

  #show(): void {
    this.#isNew = false;
    const latest = this.#latest.map(({ result }) => result);
    const first = latest[0];
    // A subscription that failed at once is not shown as a stream.
    const failed = this.#received === 1 && first?.errors !== undefined;
    this.#observer?.next(
      failed ? first : ({ received: this.#received, latest } as unknown as ExecutionResult),
    );
  }

  #finish(): void {
    if (!this.#observer) return;
    if (this.#received > 0) this.#show();
    this.detach();
    this.#forget();
  }
}
