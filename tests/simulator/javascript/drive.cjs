// Drives a simulated organisation with Genesys' own JavaScript SDK and prints what the SDK saw, as JSON.
// Usage: node drive.cjs <url> <path of the SDK> <file with the source to upload>
'use strict';

const { readFileSync } = require('node:fs');

const [url, sdkPath, sourceFile] = process.argv.slice(2);
const sdk = require(sdkPath);
const { protocol, hostname, port } = new URL(url);
const client = sdk.ApiClient.instance;
// The SDK derives both hosts from the region; its gateway setting is the one way to name another host and plain http.
client.setGateway({ host: hostname, protocol: protocol.replace(':', ''), port: Number(port) });
client.setReturnExtendedResponses(true);

const architect = new sdk.ArchitectApi();
const body = async (call) => (await call).body;

async function until(ask, done) {
  const deadline = Date.now() + 15000;
  for (;;) {
    const answer = await body(ask());
    if (done(answer)) return answer;
    if (Date.now() > deadline) throw new Error(`not done in time: ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const finished = (job) => job.status === 'Success' || job.status === 'Failure';

async function failure(call) {
  try {
    await call;
  } catch (error) {
    const { status, headers, body: shown } = error;
    return { status, correlation: headers['inin-correlation-id'], ...shown };
  }
  throw new Error('this call should have failed');
}

async function flows() {
  const names = [];
  let headers;
  for (let pageNumber = 1, pages = 1; pageNumber <= pages; pageNumber += 1) {
    const answer = await architect.getFlows({ pageNumber, pageSize: 2 });
    pages = answer.body.pageCount;
    headers = answer.headers;
    names.push(...answer.body.entities.map((flow) => flow.name));
  }
  return { names, headers };
}

async function publish(flowId) {
  await architect.postFlowsActionsCheckout(flowId);
  await architect.postFlowsActionsCheckin(flowId);
  const operation = await body(architect.postFlowsActionsPublish(flowId, { version: '2.0' }));
  const flow = await until(() => architect.getFlow(flowId), (seen) => seen.currentOperation.complete);
  const versions = await body(architect.getFlowVersions(flowId));
  return { operation, flow, versions: versions.entities.map((version) => version.id) };
}

async function upload() {
  const registered = await body(architect.postFlowsJobs());
  const source = readFileSync(sourceFile);
  const sent = await fetch(registered.presignedUrl, { method: 'PUT', headers: registered.headers, body: source });
  const job = await until(() => architect.getFlowsJob(registered.id, { expand: ['messages'] }), finished);
  return { sent: sent.status, job };
}

async function exported(flowId, version) {
  const registered = await body(architect.postFlowsExportJobs({ flows: [{ flow: { id: flowId, version } }] }));
  const job = await until(() => architect.getFlowsExportJob(registered.id, { expand: ['messages'] }), finished);
  return (await fetch(job.downloadUrl)).text();
}

async function validate(flowId, version) {
  const registered = await body(architect.postFlowsValidateJobs({ flows: [{ flow: { id: flowId, version } }] }));
  return until(() => architect.getFlowsValidateJob(registered.id, { expand: ['messages'] }), finished);
}

async function dependencies(flowId, version) {
  const type = 'INBOUNDCALLFLOW';
  const consumed = await body(architect.getArchitectDependencytrackingConsumedresources(flowId, version, type));
  const greeting = consumed.entities.find((entry) => entry.type === 'COMMONMODULEFLOW');
  const consuming = await body(
    architect.getArchitectDependencytrackingConsumingresources(greeting.id, 'COMMONMODULEFLOW', { flowFilter: 'published' })
  );
  const build = await body(architect.getArchitectDependencytrackingBuild());
  const names = (listing) => listing.entities.map((entry) => entry.name).sort();
  return { consumed: names(consumed), consuming: names(consuming), build: build.status };
}

async function executions(flowId) {
  const query = { query: [{ criteria: { key: 'FlowId', operator: 'eq', value: flowId } }] };
  const rows = (await body(architect.postFlowsInstancesQuery(query))).entities;
  const started = await body(architect.postFlowsInstancesJobs({ ids: [rows[0].id] }));
  const job = await until(() => architect.getFlowsInstancesJob(started.id), (seen) => seen.jobState === 'Success');
  const file = await (await fetch(job.entities[0].downloadUri)).json();
  return { count: rows.length, asked: rows[0].id, file: file.flow };
}

async function main() {
  const token = await client.loginClientCredentialsGrant('penstock', 'penstock-secret');
  const listing = await flows();
  const { entities } = await body(architect.getFlows({ name: 'Main IVR' }));
  const flowId = entities[0].id;
  const ran = await executions(flowId);
  const published = await publish(flowId);
  const uploaded = await upload();
  const version = (await body(architect.getFlow(flowId))).publishedVersion.id;
  return {
    token: Boolean(token.accessToken) && token.tokenExpiryTime > Date.now(),
    listing,
    ran,
    published,
    uploaded,
    version,
    exported: await exported(flowId, version),
    validated: await validate(flowId, version),
    dependencies: await dependencies(flowId, version),
    roles: (await body(new sdk.AuthorizationApi().getAuthorizationSubjectsMe())).grants.length,
    missing: await failure(architect.getFlow('00000000-0000-4000-8000-000000000000')),
    refused: await failure(architect.getFlows({ pageSize: 9999 })),
  };
}

main().then(
  (seen) => process.stdout.write(JSON.stringify(seen)),
  (error) => {
    process.stderr.write(`${error.stack || JSON.stringify(error.body || error)}\n`);
    process.exit(1);
  }
);
