import { Body, Controller, createParamDecorator, Get, Post, Query } from '@nestjs/common';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { firstValueFrom, of } from 'rxjs';
import { ValidationFailedError } from './domain-error';
import { StrictInputInterceptor } from './strict-input.interceptor';

const Caller = createParamDecorator(() => 'somebody');

@Controller()
class Routes {
  @Get()
  nothing(@Caller() caller: string): string {
    return caller;
  }

  @Get()
  query(@Query() query: object): object {
    return query;
  }

  @Post()
  body(@Body() body: object): object {
    return body;
  }
}

async function send(route: keyof Routes, request: { query?: unknown; body?: unknown }): Promise<unknown> {
  const handler = Reflect.get(Routes.prototype, route) as () => unknown;
  const context = new ExecutionContextHost([{ query: {}, ...request }], Routes, handler);
  return firstValueFrom(new StrictInputInterceptor().intercept(context, { handle: () => of('handled') }));
}

async function refusedBy(route: keyof Routes, request: { query?: unknown; body?: unknown }): Promise<unknown> {
  try {
    await send(route, request);
  } catch (error) {
    if (error instanceof ValidationFailedError) return error.errors?.map(({ path }) => path);
    throw error;
  }
  return [];
}

describe('a route', () => {
  it('that reads neither query nor body refuses both and names what it does not know', async () => {
    expect(await refusedBy('nothing', { query: { verbose: '1' }, body: { name: 'x', other: 1 } })).toEqual([
      'verbose',
      'name',
      'other',
    ]);
    expect(await refusedBy('nothing', { body: ['x'] })).toEqual(['body']);
  });

  it.each([{}, { body: undefined }, { body: null }, { body: {} }])('that reads nothing takes %j', async (request) => {
    expect(await send('nothing', request)).toBe('handled');
  });

  it('that reads the query leaves it to the validation, and still refuses a body', async () => {
    expect(await send('query', { query: { verbose: '1' } })).toBe('handled');
    expect(await refusedBy('query', { query: { verbose: '1' }, body: { name: 'x' } })).toEqual(['name']);
  });

  it('that reads the body leaves it to the validation, and still refuses a query', async () => {
    expect(await send('body', { body: { name: 'x' } })).toBe('handled');
    expect(await refusedBy('body', { query: { verbose: '1' }, body: { name: 'x' } })).toEqual(['verbose']);
  });

  it('refuses a NUL in what it reads, but for what goes to an MCP server as it is', async () => {
    expect(await refusedBy('query', { query: { search: 'a\0' } })).toEqual(['search']);
    expect(await refusedBy('body', { body: { args: ['a', 'b\0'] } })).toEqual(['args.1']);
    expect(await send('body', { body: { arguments: { text: 'a\0' } } })).toBe('handled');
  });
});
