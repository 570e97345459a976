// Compares the schema with that of the last release, which is the last tag v… before this commit. A change that breaks a
// client fails, unless accepted.json says why it was made: {"Webhook.note": "why"}. Usage: node breaks.mjs
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { CriticalityLevel, diff } from '@graphql-inspector/core';
import { buildSchema } from 'graphql';

/** What is wrong with going from one schema to another, one line each; accepted has a reason for each path. */
export async function breaks(before, after, accepted = {}) {
  const unused = new Set(Object.keys(accepted));
  const problems = [];
  for (const change of await diff(buildSchema(before), buildSchema(after))) {
    if (change.criticality.level !== CriticalityLevel.Breaking) continue;
    if (!accepted[change.path]) problems.push(`${change.path}: ${change.message}`);
    unused.delete(change.path);
  }
  for (const path of unused) problems.push(`${path}: accepted.json lists it, and nothing breaks there`);
  return problems;
}

function git(...args) {
  return execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
}

/** The last release's tag; null when there was no release. */
function lastRelease() {
  if (git('rev-parse', '--is-shallow-repository') === 'true') {
    throw new Error('this clone is shallow, so that its tags are not known: git fetch --unshallow --tags');
  }
  if (git('tag', '--list', 'v*', '--merged', 'HEAD') === '') return null;
  return git('describe', '--tags', '--abbrev=0', '--match', 'v*');
}

if (process.argv[1] === import.meta.filename) {
  const tag = lastRelease();
  if (tag === null) {
    console.log('nothing is released yet, so no change can break a client: compared with nothing');
  } else {
    const here = (name) => readFileSync(new URL(name, import.meta.url), 'utf8');
    const found = await breaks(git('show', `${tag}:graph/schema.graphql`), here('../../schema.graphql'), JSON.parse(here('accepted.json')));
    for (const problem of found) console.error(problem);
    console.log(`compared with ${tag}: ${found.length} unaccepted breaks`);
    if (found.length > 0) process.exitCode = 1;
  }
}
