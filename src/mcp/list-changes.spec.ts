import { PeerWorld } from '../../test/support/peer-world';
import type { ServerIdentity } from './handshake';
import { onListChanged } from './list-changes';

const identity = (era: 'legacy' | 'modern', capabilities: Record<string, unknown>): ServerIdentity => ({
  ...{ era, capabilities, protocolVersion: era === 'modern' ? '2026-07-28' : '2025-11-25', serverInfo: null },
  ...{ instructions: null, supportedVersions: [], result: {} },
});
const TELLS = { tools: { listChanged: true }, prompts: {}, resources: { listChanged: true } };

describe('onListChanged', () => {
  const worlds: PeerWorld[] = [];
  const aWorld = async (): Promise<PeerWorld> => {
    const world = await new PeerWorld().open();
    worlds.push(world);
    return world;
  };
  afterEach(async () => {
    // A subscription has no time limit worth waiting for.
    for (const world of worlds.splice(0)) await world.peer.close();
    jest.useRealTimers();
  });

  it('hears a legacy server, which tells by itself', async () => {
    const world = await aWorld();
    const told = jest.fn();
    onListChanged(world.peer, identity('legacy', TELLS), told);
    for (const list of ['tools', 'prompts', 'resources'])
      world.transport.deliver({ method: `notifications/${list}/list_changed` });
    world.transport.deliver({ method: 'notifications/resources/updated', params: { uri: 'x' } });
    expect(told).toHaveBeenCalledTimes(3);
    expect(world.transport.sent).toEqual([]);
  });

  it('asks a modern server for what it declares to tell, and hears that', async () => {
    const world = await aWorld();
    const told = jest.fn();
    onListChanged(world.peer, identity('modern', TELLS), told);
    expect(world.transport.sent).toMatchObject([
      {
        method: 'subscriptions/listen',
        params: { notifications: { toolsListChanged: true, resourcesListChanged: true } },
      },
    ]);
    world.transport.deliver({ method: 'notifications/tools/list_changed', params: { _meta: {} } });
    expect(told).toHaveBeenCalledTimes(1);
  });

  it('asks nothing of a modern server that tells of nothing', async () => {
    const world = await aWorld();
    onListChanged(world.peer, identity('modern', { tools: {} }), jest.fn());
    expect(world.transport.sent).toEqual([]);
  });

  it('listens again after an end, and takes what it may have missed for changed; not after a refusal or a close', async () => {
    const world = await aWorld();
    jest.useFakeTimers();
    const told = jest.fn();
    onListChanged(world.peer, identity('modern', TELLS), told);
    world.transport.result(1, {});
    await jest.advanceTimersByTimeAsync(5000);
    expect([world.transport.sent.length, told.mock.calls.length]).toEqual([2, 1]);
    world.transport.error(2, -32601, 'Method not found');
    await jest.advanceTimersByTimeAsync(60_000);
    expect(world.transport.sent).toHaveLength(2);
    onListChanged(world.peer, identity('modern', TELLS), told);
    await world.peer.close();
    await jest.advanceTimersByTimeAsync(60_000);
    expect(world.transport.sent).toHaveLength(3);
  });
});
