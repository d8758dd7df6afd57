import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { PROBLEMS_EXTENSION } from './common/api-problems.decorator';
import { ProblemView } from './common/problem.dto';
import { VERSION } from './common/version';

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;
const PROBLEM_CONTENT = { 'application/problem+json': { schema: { $ref: '#/components/schemas/ProblemView' } } };

const CREDENTIAL_PROBLEMS = {
  401: 'The access token or API key is missing or not valid',
  403: 'The role, or the scope of the API key, does not allow it',
  429: 'Too many requests',
};

const DESCRIPTION = `
Manage, supervise and monitor MCP servers ("tools").

Log in with \`POST {prefix}/auth/login\` and send the access token as \`Authorization: Bearer ...\`. Machines send an API key
of \`POST {prefix}/api-keys\` the same way, or as \`X-API-Key\`.
Lists answer \`{items, nextCursor}\`; errors are \`application/problem+json\` (RFC 9457) with a stable \`code\`.
`.trim();

/** The OpenAPI document of the application, complete enough to generate a client from. */
export function buildDocument(app: NestFastifyApplication, name: string, apiPrefix: string): OpenAPIObject {
  const base = new DocumentBuilder()
    .setTitle(name)
    .setDescription(DESCRIPTION.replaceAll('{prefix}', apiPrefix))
    .setVersion(VERSION)
    .setLicense('MIT', 'https://opensource.org/license/mit')
    .addBearerAuth({
      type: 'http',
      scheme: 'bearer',
      bearerFormat: 'JWT',
      description: 'Access token of POST /auth/login, or an API key',
    })
    .addApiKey({ type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'An API key' }, 'apiKey')
    .addCookieAuth('mcps_refresh', { type: 'apiKey', in: 'cookie', description: 'Set by POST /auth/login' }, 'refresh')
    .build();
  const document = SwaggerModule.createDocument(app, base, { extraModels: [ProblemView] });
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of METHODS) {
      const operation = item[method];
      if (operation) complete(operation, path);
    }
  }
  return document;
}

/** What every operation shares and no decorator should have to repeat: security and the usual errors. */
function complete(operation: Operation, path: string): void {
  // Extensions are no part of the library's type.
  const extensions = operation as unknown as Record<string, unknown>;
  const isPublic = extensions['x-public'] === true;
  const particular = (extensions[PROBLEMS_EXTENSION] ?? {}) as Record<string, string>;
  Reflect.deleteProperty(operation, 'x-public');
  Reflect.deleteProperty(operation, PROBLEMS_EXTENSION);
  if (isPublic) Reflect.deleteProperty(operation, 'x-required-role');
  const isForUsers = extensions['x-users-only'] === true;
  Reflect.deleteProperty(operation, 'x-users-only');
  operation.security = isPublic
    ? (operation.security ?? [])
    : [{ bearer: [] }, ...(isForUsers ? [] : [{ apiKey: [] }])];
  const problems: Record<string, string> = {
    400: 'The request is not valid; `errors` names the fields',
    ...(isPublic ? {} : CREDENTIAL_PROBLEMS),
    ...(path.includes('{') ? { 404: 'There is no such resource' } : {}),
    ...(operation.requestBody ? { 413: 'The body is too large', 415: 'The body is not JSON' } : {}),
    ...particular,
    500: 'An unexpected error',
  };
  for (const [status, description] of Object.entries(problems)) {
    // Terminus documents its own 503.
    operation.responses[status] ??= { description, content: PROBLEM_CONTENT };
  }
}
