import { defineConfig } from 'vite';
import { gzipOutput } from './gzip.ts';
import { patchGraphiql } from './patches.ts';

export default defineConfig({
  // Relative, because a proxy may put a path before the server's.
  base: './',
  plugins: [patchGraphiql(), gzipOutput()],
  worker: { format: 'es' },
  build: {
    // Whether a small file with two references is inlined depends on a race; without inlining the output is always the same.
    assetsInlineLimit: 0,
    // One style sheet, so that no preload helper has to know the names of several.
    cssCodeSplit: false,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 4000,
    license: { fileName: 'licenses.md' },
    reportCompressedSize: false,
    rolldownOptions: {
      // "use client" in libraries matters only to server renderers.
      onLog: (level, log, next) => log.code === 'MODULE_LEVEL_DIRECTIVE' || next(level, log),
      output: {
        // The libraries are bundled apart from our source, so that their files in dist, and in browsers' caches,
        // survive our changes. Monaco is left to split by itself: most of it loads after the page is shown.
        codeSplitting: {
          groups: [
            { name: 'prettier', test: /node_modules\/prettier\// },
            { name: 'libraries', test: /node_modules\/(?!monaco-)|vite\/|rolldown/ },
          ],
        },
      },
    },
  },
  server: {
    // `npm run dev` against a running server.
    proxy: { '/graphql': { target: 'http://localhost:8080', ws: true } },
  },
});
