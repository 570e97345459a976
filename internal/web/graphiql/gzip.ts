import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'fflate';
import type { Plugin } from 'vite';

type Compress = (content: Uint8Array) => Uint8Array | Promise<Uint8Array>;

/**
 * Replaces each file of the output by its gzip. fflate, because zlib's bytes differ between Node versions and processors and
 * the committed output must not; another compress must be such, too.
 */
export function gzipOutput(
  compress: Compress = (content) => gzipSync(content, { level: 9, mtime: 0 }),
): Plugin {
  let dir = '';
  return {
    name: 'gzip-output',
    apply: 'build',
    configResolved(config) {
      dir = config.build.outDir;
    },
    async closeBundle() {
      for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile()) continue;
        const path = join(entry.parentPath, entry.name);
        writeFileSync(`${path}.gz`, await compress(readFileSync(path)));
        rmSync(path);
      }
    },
  };
}
