// Genesys' own JavaScript SDK at one address, and everything that it was answered.
'use strict';

// An API of the SDK that gives bodies, and notes each answer down with the name of the method that asked for it.
function noted(name, api, answers) {
  const call = (method) => async (...given) => {
    const { status, headers, body } = await api[method](...given);
    answers.push({ api: name, method, status, headers, body });
    return body;
  };
  return new Proxy(api, { get: (_, method) => call(method) });
}

async function connect(url, sdkPath) {
  const sdk = require(sdkPath);
  const { protocol, hostname, port } = new URL(url);
  const client = sdk.ApiClient.instance;
  // The SDK derives both hosts from the region; its gateway setting is the one way to name another host and plain http.
  client.setGateway({ host: hostname, protocol: protocol.replace(':', ''), port: Number(port) });
  client.setReturnExtendedResponses(true);
  const token = await client.loginClientCredentialsGrant('penstock', 'penstock-secret');
  const answers = [];
  return { answers, token, api: (name) => noted(name, new sdk[name](), answers) };
}

async function until(ask, done) {
  const deadline = Date.now() + 15000;
  for (;;) {
    const answer = await ask();
    if (done(answer)) return answer;
    if (Date.now() > deadline) throw new Error(`not done in time: ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function failure(call) {
  try {
    await call;
  } catch (error) {
    const { status, headers, body } = error;
    return { status, correlation: headers['inin-correlation-id'], body };
  }
  throw new Error('this call should have failed');
}

function print(work) {
  work.then(
    (seen) => process.stdout.write(JSON.stringify(seen)),
    (error) => {
      process.stderr.write(`${error.stack || JSON.stringify(error.body || error)}\n`);
      process.exit(1);
    }
  );
}

module.exports = { connect, failure, print, until };
