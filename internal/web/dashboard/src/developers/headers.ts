export interface Header {
  name: string;
  value: string;
}

/** A command line of curl: -H 'name: value' or --header "name: value". */
const CURL = /^(?:-H|--header)[ =](['"])(.*)\1 *\\?$/;

/**
 * The header fields in a text, in one of the forms in which programs write them: lines as in HTTP, options of curl, or JSON, as an object or a list.
 * Lines without a colon, such as the request line, are left out. A value may have several texts; each is then a field.
 */
export function headersOf(text: string): Header[] {
  return ofJSON(text) ?? ofLines(text);
}

function ofLines(text: string): Header[] {
  const found: Header[] = [];
  for (const line of text.split(/\r\n|\n|\r/)) {
    const plain = CURL.exec(line.trim())?.[2] ?? line;
    // The request line has a colon only in its URL; those of HTTP/2 begin with one.
    if (/^[A-Z]+ \S+ HTTP\//.test(plain)) continue;
    const colon = plain.indexOf(':', 1);
    if (colon < 0) continue;
    const name = plain.slice(0, colon).replace(/^[<>*]? /, '');
    found.push({ name: name.trim(), value: plain.slice(colon + 1).trim() });
  }
  return found;
}

function ofJSON(text: string): Header[] | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const pairs: [unknown, unknown][] = Array.isArray(value) ? ofList(value) : Object.entries(value);
  return pairs.flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((one) => ({ name: String(name), value: String(one) })),
  );
}

/** Lists of pairs, of objects with name and value, or of names and values in turn, as Node's rawHeaders. */
function ofList(list: readonly unknown[]): [unknown, unknown][] {
  if (list.every((one) => typeof one === 'string')) {
    return Array.from({ length: Math.floor(list.length / 2) }, (_, i) => [list[2 * i], list[2 * i + 1]]);
  }
  return list.flatMap((one): [unknown, unknown][] => {
    if (Array.isArray(one)) return [[one[0], one[1]]];
    const { name, key, value } = (one ?? {}) as Record<string, unknown>;
    return name === undefined && key === undefined ? [] : [[name ?? key, value]];
  });
}
