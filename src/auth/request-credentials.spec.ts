import { apiKeyIn } from './request-credentials';

describe('the API key of a request', () => {
  it.each([
    [{ authorization: 'Bearer mcps_abc' }, 'mcps_abc'],
    [{ authorization: 'bearer   mcps_abc ' }, 'mcps_abc'],
    [{ 'x-api-key': 'mcps_abc' }, 'mcps_abc'],
    [{ 'x-api-key': 'garbage' }, 'garbage'],
    [{ 'x-api-key': '' }, ''],
    [{ authorization: 'Bearer mcps_abc', 'x-api-key': 'mcps_other' }, 'mcps_abc'],
    // An access token, or nothing: the strategy of tokens decides.
    [{ authorization: 'Bearer eyJhbGciOi.J9', 'x-api-key': 'mcps_other' }, null],
    [{ authorization: 'Basic mcps_abc' }, null],
    [{ authorization: 'Bearer mcps_abc mcps_def' }, null],
    [{ authorization: '' }, null],
    [{}, null],
  ])('of %j is %j', (headers, key) => {
    expect(apiKeyIn(headers)).toBe(key);
  });
});
