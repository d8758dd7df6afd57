import { Logger } from '@nestjs/common';
import { Events } from './events';

describe('facts', () => {
  beforeAll(() => Logger.overrideLogger(false));
  const events = new Events();

  it('reach every listener of their name, until it stops listening', () => {
    const heard: unknown[] = [];
    const stops = [1, 2].map((number) => events.on('tool.defined', ({ toolId }) => heard.push([number, toolId])));
    events.on('tool.status-changed', () => heard.push('another name'));
    events.tell('tool.defined', { toolId: 'a' });
    stops[0]?.();
    events.tell('tool.defined', { toolId: 'b' });
    expect(heard).toEqual([
      [1, 'a'],
      [2, 'a'],
      [2, 'b'],
    ]);
  });

  it('reach the others, and their teller goes on, when a listener fails', () => {
    const heard: string[] = [];
    events.on('backup.changed', () => {
      throw new Error('boom');
    });
    events.on('backup.changed', ({ backupId }) => heard.push(backupId));
    events.tell('backup.changed', { backupId: 'b' });
    expect(heard).toEqual(['b']);
  });

  it('reach nobody who begins to listen by hearing them, and nobody who was made to stop meanwhile', () => {
    const heard: string[] = [];
    events.on('tool.removed', () => {
      heard.push('first');
      stop();
      events.on('tool.removed', () => heard.push('late'));
    });
    const stop = events.on('tool.removed', () => heard.push('stopped'));
    events.tell('tool.removed', { toolId: 'a', toolName: 'a' });
    expect(heard).toEqual(['first']);
  });

  it('reach one listener as often as it listens', () => {
    let count = 0;
    const listener = () => count++;
    const stop = events.on('operation.recorded', listener);
    events.on('operation.recorded', listener);
    events.tell('operation.recorded', { seq: 1 });
    stop();
    events.tell('operation.recorded', { seq: 2 });
    expect(count).toBe(3);
  });
});
