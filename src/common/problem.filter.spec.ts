import { BadRequestException, HttpException, NotFoundException, ServiceUnavailableException } from '@nestjs/common';
import { DomainError, type ErrorKind, ValidationFailedError } from './domain-error';
import { toProblem } from './problem.filter';

const REQUEST = { url: '/api/v1/tools?search=secret', id: 'r-1' };
const aFastifyError = (statusCode: number, message = 'Too long'): Error =>
  Object.assign(new Error(message), { statusCode });

describe('a problem document', () => {
  it.each([
    ['invalid', 400, 'Bad Request'],
    ['unauthenticated', 401, 'Unauthorized'],
    ['forbidden', 403, 'Forbidden'],
    ['not-found', 404, 'Not Found'],
    ['conflict', 409, 'Conflict'],
    ['precondition-failed', 412, 'Precondition Failed'],
    ['too-large', 413, 'Content Too Large'],
    ['unsupported-media-type', 415, 'Unsupported Media Type'],
    ['rate-limited', 429, 'Too Many Requests'],
    ['upstream-failed', 502, 'Bad Gateway'],
    ['unavailable', 503, 'Service Unavailable'],
    ['upstream-timeout', 504, 'Gateway Timeout'],
  ] satisfies [ErrorKind, number, string][])('of a failure of kind %s has status %d', (kind, status, title) => {
    expect(toProblem(new DomainError(kind, 'some_code', 'Do that'), REQUEST)).toEqual({
      type: 'about:blank',
      title,
      status,
      detail: 'Do that',
      instance: '/api/v1/tools',
      code: 'some_code',
      requestId: 'r-1',
    });
  });

  it('names the fields that are wrong and carries further members', () => {
    const errors = [{ path: 'name', message: 'is missing' }];
    expect(toProblem(new ValidationFailedError(errors), REQUEST)).toMatchObject({
      status: 400,
      code: 'validation_failed',
      detail: 'name is missing',
      errors,
    });
    const rpcError = { code: -32_602, message: 'bad' };
    const failure = new DomainError('upstream-failed', 'tool_rpc_error', 'It failed', { extra: { rpcError } });
    expect(toProblem(failure, REQUEST)).toMatchObject({ status: 502, rpcError });
  });

  it.each([
    ['an error', new Error('password of the database is xyz')],
    ['a text', 'password of the database is xyz'],
    ['nothing', undefined],
    ['null', null],
    ["the framework's own failure", new HttpException('password of the database is xyz', 500)],
    ['an unavailable service', new ServiceUnavailableException('password of the database is xyz')],
    ['a status that is no error', Object.assign(new Error('xyz'), { statusCode: 200 })],
    ['a status of an upstream', aFastifyError(502, 'xyz')],
    ['a status that is a text', Object.assign(new Error('xyz'), { statusCode: '404' })],
  ])('of %s is a 500 that tells only where to look', (_, thrown) => {
    const problem = toProblem(thrown, REQUEST);
    expect(problem).toEqual({
      type: 'about:blank',
      title: 'Internal Server Error',
      status: 500,
      detail: 'An unexpected error; the log has it under request id r-1',
      instance: '/api/v1/tools',
      code: 'internal_error',
      requestId: 'r-1',
    });
  });

  it.each([
    [new NotFoundException('Cannot GET /x'), 404, 'route_not_found', /no such route.*\/docs/],
    [new BadRequestException('Malformed'), 400, 'malformed_request', /^Malformed$/],
    [aFastifyError(413), 413, 'body_too_large', /over the limit/],
    [aFastifyError(415), 415, 'unsupported_media_type', /application\/json/],
    [aFastifyError(414), 414, 'request_refused', /^Too long$/],
    [aFastifyError(408), 408, 'request_refused', /^Too long$/],
    [aFastifyError(418), 418, 'request_refused', /^Too long$/],
  ])('of a refusal by the framework keeps its status: %s', (thrown, status, code, detail) => {
    expect(toProblem(thrown, REQUEST)).toMatchObject({ status, code, detail: expect.stringMatching(detail) });
  });
});
