import { startTheme } from '../frame/Theme';
import { accentOf } from './contrast';
import type { Theme } from './session';

/** Makes the page look as the platform wants it, and legible. */
export function applyTheme(theme: Theme | null): void {
  const { style } = document.documentElement;
  if (theme?.accent_color) {
    const light = accentOf(theme.accent_color, 'light');
    const dark = accentOf(theme.accent_color, 'dark');
    style.setProperty('--accent', `light-dark(${light.accent}, ${dark.accent})`);
    style.setProperty('--on-accent', `light-dark(${light.onAccent}, ${dark.onAccent})`);
    style.setProperty('--chosen', `light-dark(${light.chosen}, ${dark.chosen})`);
  }
  if (theme?.appearance === 'LIGHT') style.colorScheme = 'light';
  else if (theme?.appearance === 'DARK') style.colorScheme = 'dark';
  else startTheme();
}
