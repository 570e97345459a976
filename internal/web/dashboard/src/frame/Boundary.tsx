import { Component, type ReactNode } from 'react';

interface Props {
  /** The current path: on another one the screen is rendered again. */
  path: string;
  children: ReactNode;
}

/** Keeps the frame when a screen cannot be rendered, most likely because the server no longer has its version of the code. */
export class Boundary extends Component<Props, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override componentDidUpdate(before: Props) {
    if (this.state.failed && before.path !== this.props.path) this.setState({ failed: false });
  }

  override render() {
    if (!this.state.failed) return this.props.children;
    return (
      <div className="screen" role="alert">
        <h1>This screen cannot be shown</h1>
        <p>The server was probably updated since the page was loaded.</p>
        <p>
          <button type="button" className="primary" onClick={() => location.reload()}>
            Load the page again
          </button>
        </p>
      </div>
    );
  }
}
