import { Logger } from '@nestjs/common';
import { PrincipalRevocations, type Revocation } from './principal-revocations';

describe('revocations', () => {
  afterEach(() => jest.restoreAllMocks());

  it('are told to everyone who listens, in their order, until they stop', () => {
    const revocations = new PrincipalRevocations();
    const [one, two]: Revocation[][] = [[], []];
    const stop = revocations.onRevoked((revocation) => one?.push(revocation));
    revocations.onRevoked((revocation) => two?.push(revocation));
    revocations.announce([
      { type: 'user', id: 'u-1' },
      { type: 'session', id: 's-1' },
    ]);
    stop();
    revocations.announce([{ type: 'apiKey', id: 'k-1' }]);
    expect(one?.map(({ id }) => id)).toEqual(['u-1', 's-1']);
    expect(two?.map(({ id }) => id)).toEqual(['u-1', 's-1', 'k-1']);
  });

  it('reach the others when one listener fails', () => {
    const log = jest.spyOn(Logger.prototype, 'error').mockImplementation();
    const revocations = new PrincipalRevocations();
    const heard: string[] = [];
    revocations.onRevoked(() => {
      throw new Error('deliberate');
    });
    revocations.onRevoked(({ id }) => heard.push(id));
    revocations.announce([{ type: 'apiKey', id: 'k-1' }]);
    expect(heard).toEqual(['k-1']);
    expect(log).toHaveBeenCalledTimes(1);
  });
});
