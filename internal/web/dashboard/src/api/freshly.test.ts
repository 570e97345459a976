import { Client, fetchExchange, gql } from 'urql';
import { expect, test } from 'vitest';
import { freshly } from './freshly';

/** A client whose requests the test answers, each with a number. */
function slowClient() {
  const waiting: ((n: number) => void)[] = [];
  const client = new Client({
    url: 'http://localhost/graphql',
    preferGetMethod: false,
    exchanges: [fetchExchange],
    fetch: () => send(),
  });
  function send(): Promise<Response> {
    return new Promise((resolve) => {
      waiting.push((n) => resolve(Response.json({ data: { n } })));
    });
  }
  return {
    client,
    context: { fetch: send },
    asked: () => waiting.length,
    async answer(n: number) {
      await expect.poll(() => waiting.length).toBeGreaterThan(0);
      waiting.shift()?.(n);
    },
  };
}

const QUERY = gql<{ n: number }, { of: string }>`
  query Number($of: String!) {
    n(of: $of)
  }
`;

test('what was asked before the change does not answer', async () => {
  const { client, context, answer } = slowClient();
  const before = client.query(QUERY, { of: 'a' }, { requestPolicy: 'network-only' }).toPromise();
  const after = freshly(client, QUERY, { of: 'a' }, context);
  await answer(1);
  expect((await before).data).toEqual({ n: 1 });
  await answer(2);
  expect((await after).data).toEqual({ n: 2 });
});

test('what nobody asked is asked once', async () => {
  const { client, context, answer, asked } = slowClient();
  const other = client.query(QUERY, { of: 'b' }, { requestPolicy: 'network-only' }).toPromise();
  const own = freshly(client, QUERY, { of: 'a' }, context);
  await answer(1);
  await answer(2);
  expect([(await other).data, (await own).data]).toEqual([{ n: 1 }, { n: 2 }]);
  expect(asked()).toBe(0);
});
