import { Link } from 'wouter';
import { useTitle } from '../ui/title';

export function NotFound() {
  useTitle('Not found');
  return (
    <div className="screen">
      <h1>Not found</h1>
      <p>
        The dashboard has no screen at this address. Go to the <Link href="/deliveries">deliveries</Link>.
      </p>
    </div>
  );
}
