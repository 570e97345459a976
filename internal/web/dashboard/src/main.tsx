import './style.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './App';
import { startTheme } from './frame/Theme';
import { startShortcuts } from './ui/shortcuts';

const root = document.getElementById('root');
if (!root) throw new Error('index.html has no #root');
// The address changes while the page stays: what index.html names by a relative path would move with it.
for (const link of document.querySelectorAll('link')) link.setAttribute('href', link.href);
startTheme();
startShortcuts();
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
