import { Attempts } from './documents.js';
import { execute } from './execute.js';

// The failed attempts of the last hour, page by page, newest first. Attempts recorded meanwhile do not shift the pages.
const from = '-PT1H';
let after: string | null | undefined;
let more = true;
while (more) {
  const { attempts } = await execute(Attempts, { filter: { statuses: ['FAILED'], startedAt: { from } }, after });
  for (const { event, error, message } of attempts?.nodes ?? []) console.log(event?.id, event?.type, error, message);
  after = attempts?.pageInfo.endCursor;
  more = attempts?.pageInfo.hasNextPage ?? false;
}
