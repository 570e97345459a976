import zopfli from '@gfx/zopfli';
import { defineConfig } from 'vite';
import { gzipOutput } from '../graphiql/gzip.ts';
import { documentsAsText, trustedDocuments } from './documents.ts';

export default defineConfig({
  // Relative: the page works behind a proxy that adds a path prefix.
  base: './',
  plugins: [
    documentsAsText(),
    trustedDocuments(),
    gzipOutput((content) => zopfli.gzipAsync(content, { numiterations: 5 })),
  ],
  // GraphiQL's source is shared, its packages are not.
  resolve: { dedupe: ['react', 'react-dom'] },
  build: {
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    modulePreload: { polyfill: false },
    license: { fileName: 'licenses.md' },
    reportCompressedSize: false,
    rolldownOptions: {
      // "use client" in libraries matters only to server renderers.
      onLog: (level, log, next) => log.code === 'MODULE_LEVEL_DIRECTIVE' || next(level, log),
      output: {
        // The libraries are bundled apart from our source, so that their file in dist, and in browsers' caches, survives our changes.
        codeSplitting: { groups: [{ name: 'libraries', test: /node_modules\/|vite\/|rolldown/ }] },
      },
    },
  },
  server: {
    // `npm run dev` against a running server.
    fs: { allow: ['../../..'] }, // the examples of the documentation
    proxy: { '/graphql': { target: 'http://localhost:8080', ws: true } },
  },
});
