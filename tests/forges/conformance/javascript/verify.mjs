// Tells for each [body, signature] of the input whether GitHub's own library verifies it with the secret.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [, , packages, secret] = process.argv;
const entrance = `${packages}/node_modules/@octokit/webhooks-methods/dist-node/index.js`;
const { verify } = await import(pathToFileURL(entrance));

const answers = [];
for (const [body, signature] of JSON.parse(readFileSync(0, "utf8"))) {
  answers.push(await verify(secret, body, signature));
}
process.stdout.write(JSON.stringify(answers));
