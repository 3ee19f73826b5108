// Calls gitea-js for the tests: one JSON line in for each call, one out for its answer.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const [, , packages] = process.argv;
const { giteaApi } = createRequire(`${packages}/`)("gitea-js");
const apis = {};

for await (const line of createInterface({ input: process.stdin })) {
  const [url, token, group, method, parameters] = JSON.parse(line);
  const api = (apis[`${url} ${token}`] ??= giteaApi(url, { token }));
  let answer;
  try {
    answer = await api[group][method](...parameters);
  } catch (failed) {
    if (!failed.status) throw failed;
    answer = failed;
  }
  const headers = Object.fromEntries(answer.headers.entries());
  process.stdout.write(`${JSON.stringify({ status: answer.status, data: answer.data, error: answer.error, headers })}\n`);
}
