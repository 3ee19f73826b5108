// Drives a simulated organisation with Genesys' own JavaScript SDK and prints what the SDK saw, as JSON.
// Usage: node drive.cjs <url> <path of the SDK> <file with the source to upload>
'use strict';

const { readFileSync } = require('node:fs');
const { connect, failure, print, until } = require('./client.cjs');

const [url, sdkPath, sourceFile] = process.argv.slice(2);
const finished = (job) => job.status === 'Success' || job.status === 'Failure';

async function flows(architect) {
  const names = [];
  for (let pageNumber = 1, pages = 1; pageNumber <= pages; pageNumber += 1) {
    const listing = await architect.getFlows({ pageNumber, pageSize: 2 });
    pages = listing.pageCount;
    names.push(...listing.entities.map((flow) => flow.name));
  }
  return names;
}

async function publish(architect, flowId) {
  await architect.postFlowsActionsCheckout(flowId);
  await architect.postFlowsActionsCheckin(flowId);
  const operation = await architect.postFlowsActionsPublish(flowId, { version: '2.0' });
  const flow = await until(() => architect.getFlow(flowId), (seen) => seen.currentOperation.complete);
  const versions = await architect.getFlowVersions(flowId);
  return { operation, flow, versions: versions.entities.map((version) => version.id) };
}

async function upload(architect) {
  const registered = await architect.postFlowsJobs();
  const source = readFileSync(sourceFile);
  const sent = await fetch(registered.presignedUrl, { method: 'PUT', headers: registered.headers, body: source });
  const job = await until(() => architect.getFlowsJob(registered.id, { expand: ['messages'] }), finished);
  return { sent: sent.status, job };
}

async function exported(architect, flowId, version) {
  const registered = await architect.postFlowsExportJobs({ flows: [{ flow: { id: flowId, version } }] });
  const job = await until(() => architect.getFlowsExportJob(registered.id, { expand: ['messages'] }), finished);
  return (await fetch(job.downloadUrl)).text();
}

async function validate(architect, flowId, version) {
  const registered = await architect.postFlowsValidateJobs({ flows: [{ flow: { id: flowId, version } }] });
  return until(() => architect.getFlowsValidateJob(registered.id, { expand: ['messages'] }), finished);
}

async function dependencies(architect, flowId, version) {
  const consumed = await architect.getArchitectDependencytrackingConsumedresources(flowId, version, 'INBOUNDCALLFLOW');
  const greeting = consumed.entities.find((entry) => entry.type === 'COMMONMODULEFLOW');
  const consuming = await architect.getArchitectDependencytrackingConsumingresources(greeting.id, greeting.type, {
    flowFilter: 'published',
  });
  const build = await architect.getArchitectDependencytrackingBuild();
  const names = (listing) => listing.entities.map((entry) => entry.name).sort();
  return { consumed: names(consumed), consuming: names(consuming), build: build.status };
}

async function executions(architect, flowId) {
  const query = { query: [{ criteria: { key: 'FlowId', operator: 'eq', value: flowId } }] };
  const rows = (await architect.postFlowsInstancesQuery(query)).entities;
  const started = await architect.postFlowsInstancesJobs({ ids: [rows[0].id] });
  const job = await until(() => architect.getFlowsInstancesJob(started.id), (seen) => seen.jobState === 'Success');
  const file = await (await fetch(job.entities[0].downloadUri)).json();
  return { count: rows.length, asked: rows[0].id, file: file.flow };
}

async function drive() {
  const { api, answers, token } = await connect(url, sdkPath);
  const architect = api('ArchitectApi');
  const names = await flows(architect);
  const listing = { names, headers: answers.at(-1).headers };
  const flowId = (await architect.getFlows({ name: 'Main IVR' })).entities[0].id;
  const ran = await executions(architect, flowId);
  const published = await publish(architect, flowId);
  const uploaded = await upload(architect);
  const version = (await architect.getFlow(flowId)).publishedVersion.id;
  return {
    token: Boolean(token.accessToken) && token.tokenExpiryTime > Date.now(),
    listing,
    ran,
    published,
    uploaded,
    version,
    exported: await exported(architect, flowId, version),
    validated: await validate(architect, flowId, version),
    dependencies: await dependencies(architect, flowId, version),
    roles: (await api('AuthorizationApi').getAuthorizationSubjectsMe()).grants.length,
    missing: await failure(architect.getFlow('00000000-0000-4000-8000-000000000000')),
    refused: await failure(architect.getFlows({ pageSize: 9999 })),
    answers,
  };
}

print(drive());
