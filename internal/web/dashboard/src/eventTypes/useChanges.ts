import { useMemo } from 'react';
import { auditLogChanges, counts, either, type Watch, webhookChanges } from '../api/changes';
import { useSession } from '../frame/Session';
import { useScope } from '../frame/viewer';

/** Signals changes of event types: what is published, and the webhooks, for those who may read them; declarations for administrators. */
export function useChanges(name?: string): { watch: Watch | undefined; isWhole: boolean } {
  const { api } = useSession();
  const mayRead = useScope('DELIVERIES_READ');
  const mayWrite = useScope('ADMIN');
  const watch = useMemo(() => {
    const all = [
      ...(mayRead
        ? [counts(api, name === undefined ? null : { eventTypes: [name] }), webhookChanges(api)]
        : []),
      ...(mayWrite ? [auditLogChanges(api, false)] : []),
    ];
    return all.length > 0 ? either(...all) : undefined;
  }, [api, mayRead, mayWrite, name]);
  return { watch, isWhole: mayRead && mayWrite };
}
