import { Dialog } from '../ui/Dialog';
import { useShortcuts } from '../ui/shortcuts';

/** The keyboard shortcuts of the current screen. */
export function Help({ onClose }: { onClose(): void }) {
  const shortcuts = useShortcuts();
  return (
    <Dialog title="Keys" onClose={onClose}>
      <dl className="keys">
        {shortcuts.map(({ keys, does }) => (
          <div key={keys}>
            <dt>
              <kbd>{keys.replace('Mod+', navigator.platform.startsWith('Mac') ? '⌘' : 'Ctrl ')}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <form method="dialog" className="actions">
        <button type="submit" className="primary">
          Close
        </button>
      </form>
    </Dialog>
  );
}
