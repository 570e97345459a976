import type { EventTypeRowFragment } from '../gql/graphql';

/** What is special about a type: that it is not declared, deprecated, or that events broke its schema. */
export function TypeMarks({ type }: { type: EventTypeRowFragment }) {
  return (
    <>
      {!type.declared && <span className="chip mark">Not declared</span>}
      {type.deprecatedAt && <span className="chip mark">Deprecated</span>}
      {type.lastViolationAt && (
        <span className="status" data-status="FAILED">
          <span aria-hidden="true">✕</span> Schema broken
        </span>
      )}
    </>
  );
}
