/** The notebook that the launcher's tile opens: a few cells to run one after the other, none of which has run. */

const CELLS: readonly (readonly ['code' | 'markdown', string])[] = [
  ['markdown', '# A new app\n\nRun the cells one after the other. `%aca help` lists everything.'],
  ['code', '%load_ext aca_notebook\n%aca target local'],
  ['code', '%%aca plan hello\ndef greet(name: str = "world") -> str:\n    return f"hello {name}"'],
  [
    'markdown',
    'The plan says what would ship, where it would run, and for how much an hour. ' +
      'Change `plan` to `deploy`, or press *Deploy to GPU* above the cell.'
  ],
  ['code', '%aca ps']
];

/** Its content, in nbformat 4.5. */
export function starterNotebook(): object {
  return {
    cells: CELLS.map(([kind, source], at) => ({
      id: `aca-start-${at}`,
      cell_type: kind,
      metadata: {},
      source,
      ...(kind === 'code' ? { execution_count: null, outputs: [] } : {})
    })),
    metadata: { kernelspec: { name: 'python3', display_name: 'Python 3', language: 'python' } },
    nbformat: 4,
    nbformat_minor: 5
  };
}
