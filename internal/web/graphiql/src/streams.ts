// The subscriptions that run, at most one in each tab. GraphiQL ends a subscription when another tab is chosen, and shows only its last
// result. Here a stream goes on until it is stopped or its tab is closed, and its results accumulate.

import type { Observable } from '@graphiql/toolkit';
import type { ExecutionResult } from 'graphql';

export interface Observer {
  next(result: ExecutionResult): void;
  complete(): void;
}

/** Starts a subscription. Returns what ends it. */
export type Start = (observer: Observer) => () => void;

interface Tabs {
  tabs: readonly { id: string; title: string }[];
  activeTabIndex: number;
}

/** The results that are shown, at most: in number, and in characters of JSON. The latest one is always shown. */
const MAX_RESULTS = 100;
const MAX_LENGTH = 256 * 1024;

/** What came is shown together this often: the editor lays out the whole text each time. */
const SHOW_MS = 100;

/** In this time after a stop another tab is shown, if that is why GraphiQL stopped. */
const TAB_MS = 500;

export class Streams {
  readonly #running = new Map<string, Stream>();
  readonly #listeners = new Set<() => void>();
  #tab = '';
  #tabs: Tabs['tabs'] = [];
  #elsewhere = '';
  #resuming: Stream | undefined;

  /** Opens a stream in the tab that is shown, when GraphiQL observes what is returned. */
  open(start: Start): Observable<ExecutionResult> {
    return this.#observable(new Stream(this.#tab, start, () => this.#forget()));
  }

  /** The stream that GraphiQL is made to show again, if it asks while enter has it run; undefined otherwise. */
  takeResumed(): Observable<ExecutionResult> | undefined {
    const stream = this.#resuming;
    this.#resuming = undefined;
    return stream && this.#observable(stream);
  }

  /** Takes note of the tabs, each time they change. */
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

  /** A tab is shown, and its editors are filled. If a stream runs in it, run, which is GraphiQL's, shows that again. */
  enter(tab: string, run: () => void): void {
    this.#tab = tab;
    const stream = this.#running.get(tab);
    if (!stream || stream.isShown) return;
    this.#resuming = stream;
    run();
    // GraphiQL did not ask, because it cannot read the variables or the headers.
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

  /** Calls listener when elsewhere changes. Returns what ends that. */
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
        // GraphiQL stops before it shows another tab, sometimes several ticks before. Stopped by hand, the tab stays.
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

  // A stream that ended by itself and was shown to its end.
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
  /** The newest first. */
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

  /** Shows all that has come and what comes. The first time the subscription starts. */
  attach(observer: Observer): void {
    this.#observer = observer;
    if (this.#received > 0) this.#show();
    // After GraphiQL has been told that it observes.
    if (this.#completed) queueMicrotask(() => this.#finish());
    this.#stop ??= this.#start({
      next: (result) => this.#receive(result),
      complete: () => {
        this.#completed = true;
        this.#finish();
      },
    });
  }

  /** Goes on unseen. */
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

  /** Shows what is new, and then what comes until the text may be laid out again. */
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
    // What failed at once is no stream.
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
