import { Field, SelectField } from '../../ui/Field';
import { Time, useNow } from '../../ui/Time';
import { Visible } from '../../ui/Visible';
import type { FieldsProps } from './AuthorizationFields';
import { type CertificateChange, expiry, type Stored } from './authentication';

const WITH_NONE: Partial<Record<CertificateChange, string>> = { KEEP: 'None', SET: 'Set one' };

const WITH_ONE: Record<CertificateChange, string> = {
  KEEP: 'Keep the stored one',
  SET: 'Replace it',
  REMOVE: 'Remove it',
};

/** The client certificate that is stored, and the fields of a new one. */
export function CertificateFields({ form, stored, set, problemOf }: FieldsProps) {
  const certificate = stored?.certificate;
  return (
    <>
      {certificate && <StoredCertificate certificate={certificate} />}
      <SelectField
        name="certificate"
        label="Client certificate (mutual TLS)"
        hint="It is presented when the receiver, or the token server, requests one."
        problem={undefined}
        options={(certificate ? WITH_ONE : WITH_NONE) as Record<CertificateChange, string>}
        value={form.certificate}
        onChange={(change) => set({ certificate: change })}
      />
      {form.certificate === 'SET' && (
        <>
          <PemField
            name="chain"
            label="Certificate, and those of its issuers"
            hint="PEM, the client's certificate first."
            problem={problemOf('certificate', 'chain')}
            value={form.chain}
            onChange={(chain) => set({ chain })}
          />
          <PemField
            name="privateKey"
            label="Private key"
            hint="PEM, without a passphrase. It is stored encrypted, and never shown again."
            problem={problemOf('certificate', 'privateKey')}
            value={form.privateKey}
            onChange={(privateKey) => set({ privateKey })}
          />
        </>
      )}
    </>
  );
}

function StoredCertificate({
  certificate,
}: {
  certificate: NonNullable<NonNullable<Stored>['certificate']>;
}) {
  const soon = expiry(certificate.notAfter, useNow(certificate.notAfter));
  return (
    <>
      <dl className="facts certificate">
        <div>
          <dt>Subject</dt>
          <dd>
            <Visible text={certificate.subject} />
          </dd>
        </div>
        <div>
          <dt>Issuer</dt>
          <dd>
            <Visible text={certificate.issuer} />
          </dd>
        </div>
        <div>
          <dt>Valid from</dt>
          <dd>
            <Time at={certificate.notBefore} exact />
          </dd>
        </div>
        <div>
          <dt>Expires</dt>
          <dd>
            <Time at={certificate.notAfter} exact />
          </dd>
        </div>
        <div>
          <dt>SHA-256 fingerprint</dt>
          <dd>
            <code>{certificate.fingerprint}</code>
          </dd>
        </div>
      </dl>
      {soon && <p className="note">{soon}</p>}
    </>
  );
}

interface PemProps {
  name: string;
  label: string;
  hint: string;
  problem: string | undefined;
  value: string;
  onChange(text: string): void;
}

function PemField({ name, label, hint, problem, value, onChange }: PemProps) {
  return (
    <Field label={label} hint={hint} problem={problem}>
      {(field) => (
        <textarea
          {...field}
          name={name}
          rows={6}
          required
          autoComplete="off"
          spellCheck={false}
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  );
}
