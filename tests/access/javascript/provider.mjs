// The npm package oidc-provider as an OpenID provider on loopback: node provider.mjs NODE_MODULES CONFIGURATION
// The first line on stdout is its issuer. POST /_next changes what the next ID token or user information says.
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { pathToFileURL } from 'node:url';

const [folder, configuration] = process.argv.slice(2);
const load = (path) => import(pathToFileURL(`${folder}/${path}`).href);
const { Provider } = await load('oidc-provider/lib/index.js');
const jose = await load('jose/dist/webapi/index.js');
const { client, accounts, tls } = JSON.parse(configuration);

const { privateKey } = await jose.generateKeyPair('RS256', { extractable: true });
const stranger = (await jose.generateKeyPair('RS256', { extractable: true })).privateKey;
const jwk = { ...(await jose.exportJWK(privateKey)), kid: 'of-the-tests', use: 'sig', alg: 'RS256' };

let answer = (_, response) => response.end();
const asked = (request, response) => answer(request, response);
const server = tls ? createTlsServer(tls, asked) : createServer(asked);
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const issuer = `${tls ? 'https' : 'http'}://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [{ ...client, grant_types: ['authorization_code'], response_types: ['code'] }],
  claims: { openid: ['sub'], profile: ['preferred_username'], groups: ['groups'] },
  scopes: ['openid', 'profile', 'groups'],
  features: { devInteractions: { enabled: true } },
  pkce: { required: () => true },
  cookies: { keys: ['a key of the tests'] },
  jwks: { keys: [jwk] },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, preferred_username: accounts[id]?.name ?? id, groups: accounts[id]?.groups }),
  }),
});

// What the next answer says instead of the truth; it is used once.
let next = {};

async function resigned(token) {
  const { said = {}, without = [], signed = 'itself' } = next;
  const claims = { ...jose.decodeJwt(token), ...said };
  without.forEach((name) => delete claims[name]);
  if (signed === 'not') return new jose.UnsecuredJWT(claims).encode();
  const sign = new jose.SignJWT(claims);
  if (signed === 'with-the-secret') {
    return sign.setProtectedHeader({ alg: 'HS256' }).sign(new TextEncoder().encode(client.client_secret));
  }
  return sign.setProtectedHeader({ alg: 'RS256', kid: jwk.kid }).sign(signed === 'by-a-stranger' ? stranger : privateKey);
}

provider.use(async (ctx, following) => {
  if (ctx.path === '/_next') {
    let text = '';
    for await (const part of ctx.req) text += part;
    next = JSON.parse(text);
    ctx.body = 'ok';
    return;
  }
  await following();
  if (ctx.path === '/token' && ctx.body?.id_token && next.token) {
    const { token } = next;
    next = { ...next, ...token };
    ctx.body = { ...ctx.body, id_token: token.missing ? undefined : await resigned(ctx.body.id_token) };
  }
  if (ctx.path === '/me' && next.me) ctx.body = { ...ctx.body, ...next.me };
});
answer = provider.callback();
process.stdout.write(`${issuer}\n`);
