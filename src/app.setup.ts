import helmet from '@fastify/helmet';
import multipart from '@fastify/multipart';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { watchDoor } from './app.door';
import { createAdapter, prepareHttp } from './app.http';
import { AppModule } from './app.module';
import { addPages } from './app.pages';
import type { AppLogger } from './common/app-logger';
import { ProblemFilter } from './common/problem.filter';
import { createValidationPipe } from './common/validation.pipe';
import type { AppConfig } from './config/app-config';
import { translateDatabaseError } from './database/database-errors';
import { GatewayDoor } from './gateway/gateway-door';

/** Scripts and frames of nobody else; the documentation pages write their own styles. */
const CONTENT_SECURITY_POLICY = {
  directives: {
    defaultSrc: ["'self'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'", "'unsafe-inline'"],
    imgSrc: ["'self'", 'data:'],
    workerSrc: ["'self'", 'blob:'],
    frameAncestors: ["'none'"],
    // Helmet's default would send a browser that came by http to https, where nobody listens.
    upgradeInsecureRequests: null,
  },
};

/** The whole application around a configuration, ready to listen: what `main.ts` starts and the tests drive. */
export async function createApp(config: AppConfig, logger: AppLogger): Promise<NestFastifyApplication> {
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.with(config, logger), createAdapter(config), {
    logger,
    abortOnError: false,
    bodyParser: false,
  });
  try {
    await app.register(helmet, { contentSecurityPolicy: CONTENT_SECURITY_POLICY });
    prepareHttp(app, config);
    watchDoor(app, config);
    // One file and nothing else; where it is taken in counts its bytes as well.
    await app.register(multipart, {
      limits: { fileSize: config.backupMaxUploadBytes + 1, files: 1, fields: 0, parts: 1, headerPairs: 20 },
    });
    if (config.corsOrigins.length > 0) {
      app.enableCors({
        origin: [...config.corsOrigins],
        methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
        credentials: true,
        exposedHeaders: [
          ...['ETag', 'Location', 'Retry-After', 'X-Request-Id', 'Content-Range', 'Content-Disposition'],
          ...['RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset'],
        ],
        maxAge: 600,
      });
    }
    app.setGlobalPrefix(config.apiPrefix, { exclude: ['health', 'health/*path', 'metrics'] });
    app.useGlobalPipes(createValidationPipe());
    app.useGlobalFilters(new ProblemFilter(translateDatabaseError));
    await addPages(app, config);
    await app.init();
    app.get(GatewayDoor).attach(app.getHttpServer());
    return app;
  } catch (error) {
    await app.close();
    throw error;
  }
}
