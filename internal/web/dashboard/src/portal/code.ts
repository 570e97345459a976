import { BASE_PATH } from '../api/base';
import { codeOf } from './fragment';

/** The base of the portal's paths. */
export const PORTAL_PATH = `${BASE_PATH}/portal`;

/** Whether the page is the customer portal. */
export const IS_PORTAL = location.pathname === PORTAL_PATH || location.pathname.startsWith(`${PORTAL_PATH}/`);

/** Takes a link's code out of the address, so that neither the history nor a copied address has it; null if there is none. */
export function takeCode(): string | null {
  const code = codeOf(location.hash);
  if (code !== null) history.replaceState(null, '', location.pathname + location.search);
  return code;
}

/** The code with which the page was opened. It works once. */
export const OPENED_WITH = IS_PORTAL ? takeCode() : null;
