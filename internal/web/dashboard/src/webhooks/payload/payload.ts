import type { PayloadFormat, PayloadOfWebhookQuery } from '../../gql/graphql';
import { compact, type Names } from '../form/merged';

export type Stored = NonNullable<PayloadOfWebhookQuery['webhook']>;

/** The payload as typed. */
export interface PayloadForm {
  format: PayloadFormat;
  template: string;
  /** Paths, one a line. */
  fields: string;
}

export const NAMES: Names<PayloadForm> = {
  format: 'what requests carry',
  template: 'template',
  fields: 'parts of the data',
};

export function formOf({ payload }: Pick<Stored, 'payload'>): PayloadForm {
  return {
    format: payload.format,
    template: templateText(payload.exactTemplate),
    fields: payload.includeFields?.join('\n') ?? '',
  };
}

export function canonical({ format, template, fields }: PayloadForm) {
  return { format, template: compact(template), fields: fieldsOf(fields) };
}

/** The typed paths, one per line; null for all of the data. */
export function fieldsOf(text: string): string[] | null {
  const paths = text
    .split('\n')
    .map((path) => path.trim())
    .filter(Boolean);
  return paths.length > 0 ? paths : null;
}

/** The text of a stored template, read exactly; "" if there is none. */
export function templateText(exact: unknown): string {
  return typeof exact === 'string' && exact !== 'null' ? exact : '';
}

/** The content type among a request's header fields. */
export function contentTypeOf(headers: readonly { name: string; value: string }[]): string {
  return headers.find(({ name }) => name.toLowerCase() === 'content-type')?.value ?? '';
}
