import './style.css';
import './portal/code'; // first: it takes the code of a portal link out of the address
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './App';
import { startTheme } from './frame/Theme';
import { startFocus } from './ui/focus';
import { startShortcuts } from './ui/shortcuts';

const root = document.getElementById('root');
if (!root) throw new Error('index.html has no #root');
// The address changes while the page stays loaded, and relative paths in index.html would change with it.
for (const link of document.querySelectorAll('link')) link.setAttribute('href', link.href);
startTheme();
startShortcuts();
startFocus();
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
