import type { TokenScope, TokensQuery } from '../gql/graphql';

export type Token = NonNullable<TokensQuery['tokens']>['nodes'][number];

/** What each scope permits. */
export const SCOPES: Record<TokenScope, string> = {
  WEBHOOKS_READ: 'Read webhooks, without their secrets',
  WEBHOOKS_WRITE: 'Create, update, test and delete webhooks',
  EVENTS_PUBLISH: 'Publish events',
  DELIVERIES_READ: 'Read events, deliveries and attempts',
  DELIVERIES_WRITE: 'Retry and cancel deliveries',
  ADMIN: 'Create, list and revoke tokens; for an operator, manage tenants',
};

export type TokenState = 'valid' | 'expired' | 'revoked';

/** Whether a token is accepted now, or why it is not. */
export function stateOf(token: Pick<Token, 'revokedAt' | 'expiresAt'>, now: number): TokenState {
  if (token.revokedAt) return 'revoked';
  return token.expiresAt && Date.parse(token.expiresAt) <= now ? 'expired' : 'valid';
}
