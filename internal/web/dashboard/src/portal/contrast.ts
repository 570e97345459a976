// Colours that others choose, changed until what is written in them can be read (WCAG 2.2, 1.4.3: a contrast of 4.5).

type RGB = readonly [number, number, number];

const WHITE: RGB = [255, 255, 255];
const BLACK: RGB = [0, 0, 0];

const ENOUGH = 4.5;

/** The papers and inks of look.css, by their names there. */
export const SCHEMES = {
  light: { paper: '#ffffff', raised: '#f5f7fa', soft: '#525d74' },
  dark: { paper: '#171d29', raised: '#1f2735', soft: '#a9b4c8' },
} as const;

export type Scheme = keyof typeof SCHEMES;

export interface Accent {
  /** For links, and for the background of buttons. */
  accent: string;
  /** For text on the accent. */
  onAccent: string;
  /** The background of what is chosen. */
  chosen: string;
}

/** The colour as it is used in a scheme: as close to the chosen one as can be read. */
export function accentOf(color: string, scheme: Scheme): Accent {
  const { paper, raised, soft } = SCHEMES[scheme];
  const wanted = parse(color);
  const toward = scheme === 'light' ? BLACK : WHITE;
  const papers = [parse(paper), parse(raised)];
  const accent = firstOf(
    (part) => mix(wanted, toward, part),
    (accent) => papers.every((paper) => contrast(accent, paper) >= ENOUGH),
  );
  const chosen = firstOf(
    (part) => mix(parse(paper), wanted, 0.16 * (1 - part)),
    (chosen) => [accent, parse(soft)].every((ink) => contrast(ink, chosen) >= ENOUGH),
  );
  const onAccent = contrast(accent, WHITE) >= contrast(accent, BLACK) ? WHITE : BLACK;
  return { accent: print(accent), onAccent: print(onAccent), chosen: print(chosen) };
}

/** The first of 51 steps that is good, or the last one. */
function firstOf(step: (part: number) => RGB, isGood: (color: RGB) => boolean): RGB {
  for (let i = 0; i < 50; i++) {
    const color = step(i / 50);
    if (isGood(color)) return color;
  }
  return step(1);
}

/** The contrast of two colours, 1 to 21. */
export function contrast(a: RGB, b: RGB): number {
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

function luminance([r, g, b]: RGB): number {
  return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
}

function linear(value: number): number {
  const part = value / 255;
  return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
}

function mix(a: RGB, b: RGB, part: number): RGB {
  const channel = (i: 0 | 1 | 2) => Math.round(a[i] + (b[i] - a[i]) * part);
  return [channel(0), channel(1), channel(2)];
}

/** A colour like #0a7d5c. */
export function parse(color: string): RGB {
  const value = Number.parseInt(color.slice(1), 16) || 0;
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}

function print(color: RGB): string {
  return `#${color.map((value) => value.toString(16).padStart(2, '0')).join('')}`;
}
