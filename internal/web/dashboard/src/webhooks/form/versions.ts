// The forms of a webhook's page save parts of the same webhook, each over the version that it has read. What another form of this page has saved
// since is no change by someone else.

interface Version {
  id: string;
  updatedAt: string;
}

/** The versions that were saved here, by the version of the webhook that each was saved over. */
const own = new Map<string, string>();
let last: Promise<unknown> = Promise.resolve();

function keyOf({ id, updatedAt }: Version): string {
  return `${id} ${updatedAt}`;
}

/** The version that differs from a given one only by what was saved here. */
function newest({ id, updatedAt }: Version): string {
  let at = updatedAt;
  for (let next = own.get(keyOf({ id, updatedAt: at })); next; next = own.get(keyOf({ id, updatedAt: at })))
    at = next;
  return at;
}

/**
 * Saves something of a webhook that was read in a version, after what is being saved. save is given the version that it is to save over, and
 * returns the one that it has made; undefined if it has not saved. saveOver returns whether it has.
 */
export function saveOver(
  { id, updatedAt }: Version,
  save: (ifUpdatedAt: string) => Promise<string | undefined>,
): Promise<boolean> {
  async function run() {
    const before = newest({ id, updatedAt });
    const after = await save(before);
    if (after !== undefined && after !== before) own.set(keyOf({ id, updatedAt: before }), after);
    return after !== undefined;
  }
  const turn = last.then(run, run);
  last = turn;
  return turn;
}

/** The version that a mutation has made; undefined if it has made none: a conflict has the current webhook, which someone else made. */
export function savedVersion(
  payload: { webhook?: { updatedAt: string } | null; userErrors: readonly unknown[] } | null | undefined,
): string | undefined {
  return payload?.userErrors.length === 0 ? payload.webhook?.updatedAt : undefined;
}
