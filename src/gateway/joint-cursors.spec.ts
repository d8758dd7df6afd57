import { JointCursors } from './joint-cursors';

describe('JointCursors', () => {
  const cursors = new JointCursors();
  const place = { toolId: '0193b1a0-0000-7000-8000-000000000001', index: 500 };

  it('reads what it wrote', () => {
    expect(cursors.read('tools/list', cursors.write('tools/list', place))).toEqual(place);
  });

  it('refuses what it did not write, what was changed, and the cursor of another list', () => {
    const cursor = cursors.write('tools/list', place);
    const forged = Buffer.from(JSON.stringify(['other', 0])).toString('base64url');
    const wrong = [
      ...['', '.', 'x', `${forged}.${cursor.split('.')[1] ?? ''}`, `${cursor}.`, `${cursor}x`, cursor.slice(0, -1)],
      ...[7, null, {}, new JointCursors().write('tools/list', place)],
    ];
    for (const text of wrong) expect(() => cursors.read('tools/list', text)).toThrow(/no cursor of tools\/list/);
    expect(() => cursors.read('prompts/list', cursor)).toThrow(expect.objectContaining({ rpcCode: -32602 }) as Error);
  });
});
