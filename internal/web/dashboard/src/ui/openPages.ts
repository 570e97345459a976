import type { CombinedError } from 'urql';
import { calmly } from '../api/calmly';
import type { Watch } from '../api/changes';
import { extended, NO_PAGES, type Page, type Pages, renewed, resumed } from './pages';

/** The minimum time between two reloads, for each page of the list, however often something changes. */
export const CALM_MS = 2000;

interface Loading<Row> {
  load(after: string | null): Promise<{ page: Page<Row> | null; error: CombinedError | undefined }>;
  setError(error: CombinedError | undefined): void;
}

interface Opening<Row> extends Loading<Row> {
  /** The first page as it was when the list was last shown; null if it was not. */
  kept(): Page<Row> | null;
  watch: Watch | undefined;
  isHeld(): boolean;
  show(list: Pages<Row>): void;
  setLoading(loading: boolean): void;
}

/** The current first pages of a list; null if they could not be read, or are no longer needed. */
async function loaded<Row extends { id: string }>(
  { load, setError }: Loading<Row>,
  count: number,
  isWanted: () => boolean,
): Promise<Pages<Row> | null> {
  let fresh: Pages<Row> = NO_PAGES;
  do {
    const { page, error } = await load(fresh.next);
    if (!isWanted()) return null;
    setError(error);
    if (!page) return null;
    fresh = extended(fresh, page);
  } while (fresh.pages < count && fresh.next !== null);
  return fresh;
}

/** Loads the first page of a list, and reloads all loaded pages after a change, until it is closed. */
export function openPages<Row extends { id: string }>(opening: Opening<Row>) {
  let list: Pages<Row> = NO_PAGES;
  // Responses to requests from before the latest load or reload do not belong to the list.
  let turn = 0;
  let isBusy = false;
  // A change arrived during a load.
  let isStale = false;

  function show(next: Pages<Row>) {
    list = next;
    opening.show(next);
  }

  async function busily(run: (isWanted: () => boolean) => Promise<void>) {
    const own = ++turn;
    isBusy = true;
    opening.setLoading(true);
    await run(() => own === turn);
    if (own !== turn) return;
    isBusy = false;
    opening.setLoading(false);
    if (isStale) soon();
    isStale = false;
  }

  const { soon, stop } = calmly(
    async () => {
      isStale = isBusy;
      if (isBusy) return;
      const own = turn;
      const fresh = await loaded(opening, list.pages, () => own === turn);
      if (fresh) show(renewed(list, fresh, opening.isHeld()));
      if (own === turn) return;
      // Another page was loaded in the meantime.
      isStale = isBusy;
      if (!isBusy) soon();
    },
    () => CALM_MS * Math.max(1, list.pages),
  );

  const reload = () =>
    busily(async (isWanted) => {
      const fresh = await loaded(opening, list.pages, isWanted);
      if (fresh) show(fresh);
    });

  const kept = opening.kept();
  if (kept) show(extended(list, kept));
  void reload();
  const leave = opening.watch?.(soon) ?? (() => {});
  return {
    reload,
    async more() {
      if (isBusy || list.next === null) return;
      await busily(async (isWanted) => {
        const { page, error } = await opening.load(list.next);
        if (!isWanted()) return;
        opening.setError(error);
        // The waiting list has one page less.
        isStale ||= list.waiting !== null;
        if (page) show(extended(list, page));
      });
    },
    resume: () => list.waiting && show(resumed(list)),
    close() {
      turn = Number.NaN; // equal to nothing
      stop();
      leave();
    },
  };
}
