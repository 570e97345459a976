import { defineConfig } from 'vite';
import { gzipOutput } from './gzip.ts';
import { patchGraphiql } from './patches.ts';

export default defineConfig({
  // Where the server mounts the page.
  base: '/graphiql/',
  plugins: [patchGraphiql(), gzipOutput()],
  worker: { format: 'es' },
  build: {
    // Whether a small file that two places name is inlined is a race; without inlining the output is always the same.
    assetsInlineLimit: 0,
    // One style sheet, and no preload helper that would have to know the name of each.
    cssCodeSplit: false,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 4000,
    license: { fileName: 'licenses.md' },
    reportCompressedSize: false,
    rolldownOptions: {
      // "use client" in libraries means something to server renderers only.
      onLog: (level, log, next) => log.code === 'MODULE_LEVEL_DIRECTIVE' || next(level, log),
      output: {
        // The libraries apart from our source, so that a change of ours leaves their files in dist, and in browsers'
        // caches, as they are. Monaco is left to split by itself: most of it loads after the page is there.
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
