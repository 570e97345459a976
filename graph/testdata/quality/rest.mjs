// Compares two OpenAPI documents for what breaks a client: what it sends must still be accepted, and what it reads must still be there. Values that
// are new in an enumeration that clients read break none, as in GraphQL.
const METHODS = ['get', 'put', 'post', 'patch', 'delete', 'head'];
const BOUNDS = { maximum: -1, maxLength: -1, maxItems: -1, maxProperties: -1, minimum: 1, minLength: 1, minItems: 1, minProperties: 1 };

/** What breaks in going from one document to another: the place, and what is wrong there. */
export function restBreaks(before, after) {
  const found = new Map();
  const walk = new Walk(before, after, (at, message) => found.set(at, [...(found.get(at) ?? []), message]));
  for (const [path, was] of Object.entries(before.paths)) {
    for (const method of METHODS.filter((m) => was[m])) {
      walk.operation(`${method.toUpperCase()} ${path}`, [was, was[method]], [after.paths[path] ?? {}, after.paths[path]?.[method]]);
    }
  }
  return [...found].map(([path, messages]) => ({ path, message: [...new Set(messages)].join('; ') }));
}

class Walk {
  constructor(before, after, tell) {
    Object.assign(this, { before, after, tell, seen: new Set() });
  }

  operation(at, [wasPath, was], [isPath, is]) {
    if (!is) return this.tell(at, 'it is gone');
    const params = (document, path, op) =>
      new Map([...(path.parameters ?? []), ...(op.parameters ?? [])].map((p) => resolve(document, p)).map((p) => [`${p.in} ${p.name}`, p]));
    const [had, has] = [params(this.before, wasPath, was), params(this.after, isPath, is)];
    for (const [name, p] of had) {
      const now = has.get(name);
      if (!now) this.tell(`${at} ${name}`, 'the parameter is gone');
      else {
        if (now.required && !p.required) this.tell(`${at} ${name}`, 'it is required');
        this.schema(`${at} ${name}`, 'in', p.schema, now.schema);
      }
    }
    for (const [name, p] of has) if (p.required && !had.has(name)) this.tell(`${at} ${name}`, 'a new parameter is required');
    this.body(`${at} request`, resolve(this.before, was.requestBody), resolve(this.after, is.requestBody));
    for (const [status, response] of Object.entries(was.responses)) {
      if (!status.startsWith('2')) continue;
      const now = resolve(this.after, is.responses[status]);
      if (!now) this.tell(`${at} ${status}`, 'the status is gone');
      else this.content(`${at} ${status}`, 'out', resolve(this.before, response), now);
    }
  }

  body(at, was, is) {
    if (is?.required && !was?.required) this.tell(at, 'a body is required');
    if (was && !is) this.tell(at, 'no body is accepted');
    else if (was) this.content(at, 'in', was, is);
  }

  content(at, way, was, is) {
    for (const [type, media] of Object.entries(was.content ?? {})) {
      const now = is.content?.[type];
      if (!now) this.tell(at, `${type} is gone`);
      else this.schema(at, way, media.schema, now.schema);
    }
  }

  /** Compares the schemas of what is sent ("in") or read ("out"). */
  schema(at, way, was, is) {
    if (was?.$ref && is?.$ref) {
      const pair = `${way} ${was.$ref} ${is.$ref} ${at.split(' ').slice(0, 2)}`;
      if (this.seen.has(pair)) return;
      this.seen.add(pair);
    }
    [was, is] = [resolve(this.before, was) ?? {}, resolve(this.after, is) ?? {}];
    if (was.anyOf || is.anyOf) return this.alternatives(at, way, was.anyOf ?? [was], is.anyOf ?? [is]);
    const [all, within] = way === 'in' ? [types(was), types(is)] : [types(is), types(was)];
    const other = all.filter((t) => !within.includes(t) && !(t === 'integer' && within.includes('number')));
    if (other.length > 0) this.tell(at, way === 'in' ? `${other} is not accepted any more` : `it may be ${other}`);
    if (way === 'in') this.narrowed(at, was, is);
    this.properties(at, way, was, is);
    if (was.items || is.items) this.schema(`${at}[]`, way, was.items, is.items);
    if (typeof was.additionalProperties === 'object' && typeof is.additionalProperties === 'object') {
      this.schema(`${at}.*`, way, was.additionalProperties, is.additionalProperties);
    }
  }

  narrowed(at, was, is) {
    const [had, has] = [values(was), values(is)];
    if (has) {
      const gone = had ? had.filter((v) => !has.includes(v)) : ['other values'];
      if (gone.length > 0) this.tell(at, `${gone.join(', ')} is not accepted any more`);
    }
    for (const [bound, sign] of Object.entries(BOUNDS)) {
      if (is[bound] !== undefined && (was[bound] === undefined || (is[bound] - was[bound]) * sign > 0)) this.tell(at, `${bound} is ${is[bound]}, and was ${was[bound]}`);
    }
    for (const rule of ['pattern', 'format']) if (is[rule] && is[rule] !== was[rule]) this.tell(at, `${rule} is ${is[rule]}, and was ${was[rule]}`);
    if (is.additionalProperties === false && was.additionalProperties !== false && (was.properties || was.type === 'object')) this.tell(at, 'unknown fields are refused');
  }

  properties(at, way, was, is) {
    for (const [name, p] of Object.entries(was.properties ?? {})) {
      const now = is.properties?.[name];
      if (!now) this.tell(`${at}.${name}`, 'the field is gone');
      else this.schema(`${at}.${name}`, way, p, now);
    }
    const [had, has] = [was.required ?? [], is.required ?? []];
    if (way === 'in') for (const name of has.filter((n) => !had.includes(n))) this.tell(`${at}.${name}`, 'it is required');
    else for (const name of had.filter((n) => !has.includes(n))) this.tell(`${at}.${name}`, 'it may be absent');
  }

  alternatives(at, way, was, is) {
    const [all, among] = way === 'in' ? [was, is] : [is, was];
    for (const one of all) {
      const fits = (other) => {
        let fine = true;
        const walk = new Walk(this.before, this.after, () => (fine = false));
        walk.seen = new Set(this.seen); // so that what refers to itself ends
        if (way === 'in') walk.schema(at, way, one, other);
        else walk.schema(at, way, other, one);
        return fine;
      };
      if (!among.some(fits)) this.tell(at, way === 'in' ? 'an alternative is not accepted any more' : 'there is another alternative');
    }
  }
}

function resolve(document, x) {
  while (x?.$ref) x = x.$ref.slice(2).split('/').reduce((at, key) => at[key.replaceAll('~1', '/').replaceAll('~0', '~')], document);
  return x;
}

const ANY = ['null', 'boolean', 'object', 'array', 'number', 'string', 'integer'];
const types = (s) => (s.type ? [s.type].flat() : ANY);
const values = (s) => (s.enum ?? ('const' in s ? [s.const] : null))?.map((v) => JSON.stringify(v)) ?? null;
