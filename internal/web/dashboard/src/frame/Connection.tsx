import { useEffect, useState } from 'react';
import { useSession } from './Session';

/** How long the page shows that it is connected again. */
const SAY_MS = 20_000;

/** Shows that the connection for live updates is lost, and afterwards for how long it was. */
export function Connection() {
  const { api } = useSession();
  const [notice, setNotice] = useState('');
  useEffect(() => {
    let lostAt = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    setNotice('');
    const leave = api.onLink((link) => {
      if (link === 'lost') {
        lostAt ||= Date.now();
        clearTimeout(timer);
        setNotice('The connection was lost. Connecting again…');
      } else if (link === 'connected' && lostAt > 0) {
        const seconds = Math.max(1, Math.round((Date.now() - lostAt) / 1000));
        lostAt = 0;
        setNotice(`Connected again after ${seconds} s. The page goes on where it was: nothing is missing.`);
        timer = setTimeout(() => setNotice(''), SAY_MS);
      }
    });
    return () => {
      clearTimeout(timer);
      leave();
    };
  }, [api]);
  return (
    <p role="status" className="notice connection" hidden={!notice}>
      {notice}
    </p>
  );
}
