// Listens to a simulated organisation with Genesys' own JavaScript SDK and prints what it heard, as JSON.
// Usage: node listen.cjs <url> <path of the SDK>, with a Node that has a WebSocket of its own
'use strict';

const { connect, print, until } = require('./client.cjs');

const [url, sdkPath] = process.argv.slice(2);

// A websocket whose messages are kept, and waited for.
async function listen(address) {
  const socket = new WebSocket(address);
  const heard = [];
  socket.addEventListener('message', (message) => heard.push(JSON.parse(message.data)));
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve);
    socket.addEventListener('error', () => reject(new Error(`${address} cannot be opened`)));
  });
  const hear = (fits) => until(() => heard.find(fits), Boolean);
  const ping = async () => {
    const from = heard.length;
    socket.send(JSON.stringify({ message: 'ping' }));
    await until(() => heard.slice(from).find((message) => message.eventBody.message === 'pong'), Boolean);
  };
  return { heard, hear, ping, close: () => socket.close() };
}

async function publish(architect, flowId) {
  const { id } = await architect.postFlowsActionsPublish(flowId, { version: '1.0' });
  const done = ({ currentOperation }) => currentOperation.id === id && currentOperation.complete;
  return until(() => architect.getFlow(flowId), done);
}

async function run(flow) {
  const body = JSON.stringify({ flow, count: 1, error_rate: 1, reason: 'BROKEN' });
  await fetch(`${url}/_simulator/executions`, { method: 'POST', body });
}

async function overhear() {
  const { api, answers } = await connect(url, sdkPath);
  const [architect, notifications] = [api('ArchitectApi'), api('NotificationsApi')];
  const flowId = (await architect.getFlows({ name: 'Main IVR' })).entities[0].id;
  const topics = [`v2.flows.${flowId}`, `v2.flows.instances.flow.${flowId}`];

  const channel = await notifications.postNotificationsChannels();
  await notifications.postNotificationsChannelSubscriptions(channel.id, topics.map((id) => ({ id })));
  const socket = await listen(channel.connectUri);
  await socket.ping();
  const published = await publish(architect, flowId);
  await run(flowId);
  await socket.hear((message) => message.topicName === topics[1]);
  await socket.hear((message) => message.eventBody.message === 'WebSocket Heartbeat');

  await notifications.putNotificationsChannelSubscriptions(channel.id, [{ id: topics[1] }]);
  const kept = await notifications.getNotificationsChannelSubscriptions(channel.id);
  const channels = await notifications.getNotificationsChannels();
  const split = socket.heard.length;
  await publish(architect, flowId);
  await notifications.deleteNotificationsChannelSubscriptions(channel.id);
  await run(flowId);
  await socket.ping();
  socket.close();
  const [before, after] = [socket.heard.slice(0, split), socket.heard.slice(split)];
  return { flowId, topics, published, before, after, kept, channels, answers };
}

print(overhear());
