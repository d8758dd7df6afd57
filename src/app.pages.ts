import { createReadStream, existsSync } from 'node:fs';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { SwaggerModule } from '@nestjs/swagger';
import { buildDocument } from './app.openapi';
import type { AppConfig } from './config/app-config';

/** Where `npm run build` puts what pages need; from dist/src or, in tests, from src. */
const ASSETS = [join(__dirname, '..', 'assets'), join(__dirname, '..', 'dist', 'assets')];

const REDOC_PAGE = (title: string) => `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${escapeHtml(title)} API</title><meta name="viewport" content="width=device-width, initial-scale=1"></head>
<body style="margin:0"><redoc spec-url="/openapi.json"></redoc><script src="/redoc/redoc.standalone.js"></script></body>
</html>
`;

/** The pages beside the API: Swagger UI, ReDoc (its script comes from here, not from a CDN), the dashboard where there is one. */
export async function addPages(app: NestFastifyApplication, config: AppConfig): Promise<void> {
  const fastify = app.getHttpAdapter().getInstance();
  // Made at the first request: most starts never need it.
  SwaggerModule.setup('docs', app, () => buildDocument(app, config.projectName, config.apiPrefix), {
    jsonDocumentUrl: '/openapi.json',
    customSiteTitle: `${config.projectName} API`,
    raw: ['json'],
    swaggerOptions: { validatorUrl: null, persistAuthorization: true, displayRequestDuration: true },
  });
  fastify.get('/redoc', (_, reply) => reply.type('text/html; charset=utf-8').send(REDOC_PAGE(config.projectName)));
  fastify.get('/redoc/redoc.standalone.js', (_, reply) => {
    const file = ASSETS.map((folder) => join(folder, 'redoc.standalone.js')).find((path) => existsSync(path));
    if (file === undefined) {
      reply.callNotFound();
      return;
    }
    return reply.type('text/javascript; charset=utf-8').send(createReadStream(file));
  });
  if (config.staticDir === null) fastify.get('/', (_, reply) => reply.redirect('/docs'));
  else
    await fastify.register(fastifyStatic, {
      root: config.staticDir,
      prefix: '/',
      decorateReply: false,
      dotfiles: 'ignore',
    });
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
