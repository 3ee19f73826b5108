// Calls each method of a list with Genesys' own JavaScript SDK, and prints what each was answered, as JSON.
// Usage: node every.cjs <url> <path of the SDK> <file with the list and the ids that it refers to>
'use strict';

const { readFileSync } = require('node:fs');
const { connect, print } = require('./client.cjs');

const [url, sdkPath, listFile] = process.argv.slice(2);

// `@post_flows_jobs.id` is a field of an earlier answer.
function resolved(value, seen) {
  if (typeof value === 'string' && value.startsWith('@')) {
    return value.slice(1).split('.').reduce((found, step) => found[step], seen);
  }
  if (Array.isArray(value)) return value.map((each) => resolved(each, seen));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, resolved(each, seen)]));
}

async function called(api, answers, call, seen) {
  try {
    const given = resolved(call.arguments, seen);
    const body = await api[call.method](...given, call.options);
    return { status: answers.at(-1).status, body: body === undefined ? null : body };
  } catch (error) {
    const told = error.body || error.message || error;
    return { status: error.status || 0, body: null, failure: typeof told === 'string' ? told : JSON.stringify(told) };
  }
}

async function every() {
  const { calls, known } = JSON.parse(readFileSync(listFile, 'utf-8'));
  const { api, answers } = await connect(url, sdkPath);
  const seen = { ...known };
  const found = {};
  for (const call of calls) {
    const answered = await called(api(call.api), answers, call, seen);
    if (!(call.name in seen)) seen[call.name] = answered.body;
    found[`${call.api}.${call.name}`] = answered;
  }
  return found;
}

print(every());
