import { useState } from 'react';
import { Choice } from '../ui/Choice';
import { keep, kept } from '../ui/kept';

const THEMES = { '': 'System', light: 'Light', dark: 'Dark' } as const;
type Theme = keyof typeof THEMES;

const KEY = 'hookgraph:theme';

function apply(theme: Theme) {
  document.documentElement.style.colorScheme = theme || 'light dark';
}

function load(): Theme {
  const theme = kept(KEY);
  return theme === 'light' || theme === 'dark' ? theme : '';
}

/** Applies the stored choice before anything is rendered. */
export function startTheme() {
  apply(load());
}

export function ThemeSwitch() {
  const [theme, setTheme] = useState(load);
  return (
    <Choice
      name="Colours"
      value={theme}
      options={THEMES}
      onChange={(next) => {
        keep(KEY, next);
        apply(next);
        setTheme(next);
      }}
    />
  );
}
