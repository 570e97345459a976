import { useViewer } from '../frame/viewer';
import { Time } from '../ui/Time';
import { Visible } from '../ui/Visible';

/** The token of the page, which every caller may know. */
export function OwnToken() {
  const viewer = useViewer();
  if (!viewer) return null;
  const { name, scopes, expiresAt } = viewer.token;
  return (
    <p>
      This page uses the token{' '}
      <b>
        <Visible text={name} />
      </b>{' '}
      with the scopes <code>{scopes.join(' ')}</code>, which{' '}
      {expiresAt ? (
        <>
          expires <Time at={expiresAt} future />
        </>
      ) : (
        'does not expire'
      )}
      .
    </p>
  );
}
