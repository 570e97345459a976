// Settings that the page stores on this device. Where the browser blocks site data, any access to localStorage throws.

export function kept(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

export function keep(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Kept in memory, until the page is closed.
  }
}
