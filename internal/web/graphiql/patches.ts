import type { Plugin } from 'vite';

interface Patch {
  /** The suffix of the file's name. */
  file: string;
  from: string;
  to: string;
}

const REACT = '/@graphiql/react/dist/components/';
const DESCRIBED = '"aria-describedby": "editor-keys"';

/** Accessibility fixes of GraphiQL's elements, for keyboards and screen readers. */
const PATCHES: readonly Patch[] = [
  // The role tab may not contain buttons, as these do: they become a list with one current element.
  { file: `${REACT}tabs/index.js`, from: '\t\t\t"aria-selected": isActive,\n', to: '' },
  { file: `${REACT}tabs/index.js`, from: 'role: "tab",', to: 'role: "listitem",' },
  { file: `${REACT}tabs/index.js`, from: 'role: "tablist",', to: 'role: "list",' },
  {
    file: '/graphiql/dist/GraphiQL.js',
    from: 'jsx(Tab.Button, { ',
    to: 'jsx(Tab.Button, { "aria-current": index_1 === activeTabIndex, ',
  },
  {
    file: '/graphiql/dist/GraphiQL.js',
    from: 'role: "tabpanel", id: "graphiql-session"',
    to: 'role: "group", id: "graphiql-session"',
  },
  // Each editor gets a label, which says how to leave it.
  {
    file: `${REACT}operation-editor.js`,
    from: 'tabIndex: t11,',
    to: `role: "group", "aria-label": "Operation", ${DESCRIBED}, tabIndex: t11,`,
  },
  {
    file: `${REACT}variables-editor.js`,
    from: 'tabIndex: t4,',
    to: `role: "group", "aria-label": "Variables", ${DESCRIBED}, tabIndex: t4,`,
  },
  {
    file: `${REACT}request-headers-editor.js`,
    from: 'tabIndex: t4,',
    to: `role: "group", "aria-label": "Headers", ${DESCRIBED}, tabIndex: t4,`,
  },
  // Monaco's own colours have too little contrast.
  {
    file: '/@graphiql/react/dist/constants.js',
    from: '"editor.background": colors.transparent,',
    to: '"editor.background": colors.transparent, "editorLineNumber.foreground": theme === "dark" ? "#a9b4c8" : "#566179",',
  },
  {
    file: '/@graphiql/react/dist/constants.js',
    from: '\t\t\tforeground: "#908aff"\n\t\t}]',
    to: '\t\t\tforeground: "#a9a4ff"\n\t\t}, { token: "comment", foreground: "#9fc08c" }, { token: "keyword", foreground: "#7db9ec" }]',
  },
  {
    file: '/@graphiql/react/dist/constants.js',
    from: '\t\t\tforeground: "#6c69ce"\n\t\t}]',
    to: '\t\t\tforeground: "#5450b8"\n\t\t}, { token: "number", foreground: "#066a46" }, { token: "type", foreground: "#006b6b" }]',
  },
  {
    file: '/@graphiql/plugin-history/dist/components.js',
    from: 'onClick: handleHistoryItemClick, "aria-label": "Set active",',
    to: 'onClick: handleHistoryItemClick,',
  },
  // Screen readers would read the whole text aloud with each result of a stream.
  {
    file: `${REACT}response-editor.js`,
    from: '"aria-live": t7,\n\t\t\t"aria-atomic": t8,',
    to: `${DESCRIBED},`,
  },
];

/** Changes GraphiQL's files as they are bundled. The build fails if a file no longer contains the code to change. */
export function patchGraphiql(): Plugin {
  const left = new Set(PATCHES);
  return {
    name: 'patch-graphiql',
    apply: 'build',
    transform(source, id) {
      let code = source;
      for (const patch of PATCHES) {
        if (!id.endsWith(patch.file)) continue;
        if (code.split(patch.from).length !== 2)
          this.error(`${patch.file} does not have once: ${patch.from}`);
        code = code.replace(patch.from, () => patch.to);
        left.delete(patch);
      }
      return code === source ? null : { code, map: null };
    },
    buildEnd(error) {
      if (!error && left.size > 0) this.error(`not bundled: ${[...left].map(({ file }) => file).join(', ')}`);
    },
  };
}
