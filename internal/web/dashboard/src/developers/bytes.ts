/** A body whose bytes a text field would change: those of a file, and pasted text with carriage returns. */
export interface Exact {
  name: string;
  bytes: Uint8Array<ArrayBuffer>;
}

/** Whether a text field would change the text: it makes line feeds of all line ends. */
export function isChangedByFields(text: string): boolean {
  return text.includes('\r');
}

/** The bytes of a text that replaces a part of another one. */
export function replaced(before: string, from: number, to: number, text: string): Exact {
  return {
    name: 'Pasted text',
    bytes: new TextEncoder().encode(before.slice(0, from) + text + before.slice(to)),
  };
}

/** The bytes as text if they are UTF-8, without loss; null if they are not. */
export function textOf(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** Standard base64. */
export function base64(bytes: Uint8Array): string {
  let binary = '';
  // In pieces: a call takes some ten thousand arguments at most.
  for (let at = 0; at < bytes.length; at += 8192) {
    binary += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return btoa(binary);
}

/** A character as hexadecimal bytes of UTF-8. */
export function hex(text: string): string {
  return [...new TextEncoder().encode(text)]
    .map((b) => b.toString(16).toUpperCase().padStart(2, '0'))
    .join(' ');
}

/** Two texts up to their first difference, the character there, and the rest: "" for a character where a text ends. */
export function difference(
  a: string,
  b: string,
): { before: string; ofA: string; ofB: string; restA: string; restB: string } {
  const [inA, inB] = [[...a], [...b]];
  let at = 0;
  while (at < inA.length && inA[at] === inB[at]) at++;
  return {
    before: inA.slice(0, at).join(''),
    ofA: inA[at] ?? '',
    ofB: inB[at] ?? '',
    restA: inA.slice(at + 1).join(''),
    restB: inB.slice(at + 1).join(''),
  };
}
