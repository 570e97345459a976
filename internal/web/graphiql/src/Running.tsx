import { useGraphiQL, useGraphiQLActions } from '@graphiql/react';
import { useEffect, useState } from 'react';
import type { Streams } from './streams';

/**
 * Inside GraphiQL: shows the stream of a tab again when the tab is chosen, announces new results to screen readers, and lets
 * the editors follow the system's colours.
 */
export function Running({ streams }: { streams: Streams }) {
  const { run, setTheme } = useGraphiQLActions();
  const tab = useGraphiQL((state) => state.tabs[state.activeTabIndex]?.id ?? '');
  const theme = useGraphiQL((state) => state.theme);
  const isFetching = useGraphiQL((state) => state.isFetching);
  const [hasRun, setHasRun] = useState(false);
  useEffect(() => streams.enter(tab, run), [streams, tab, run]);
  useEffect(() => {
    if (theme !== null) return;
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const follow = () => setTheme(null);
    dark.addEventListener('change', follow);
    return () => dark.removeEventListener('change', follow);
  }, [theme, setTheme]);
  useEffect(() => {
    if (isFetching) setHasRun(true);
  }, [isFetching]);
  return (
    <p role="status" className="unseen">
      {isFetching ? 'The operation runs.' : hasRun && 'The result has come.'}
    </p>
  );
}
