import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { JwtModule } from '@nestjs/jwt';
import { PassportModule } from '@nestjs/passport';
import { TypeOrmModule } from '@nestjs/typeorm';
import { LimitsModule } from '../limits/limits.module';
import { AccessGuard } from './access.guard';
import { AccessTokens } from './access-tokens';
import { AdminBootstrap } from './admin-bootstrap';
import { ApiKeyAuthenticator } from './api-key-authenticator';
import { ApiKey } from './api-key.entity';
import { ApiKeyRepository } from './api-key.repository';
import { ApiKeyUsage } from './api-key-usage';
import { AuthController } from './auth.controller';
import { FirstPasswordFile } from './first-password-file';
import { JwtStrategy } from './jwt.strategy';
import { LoginAnswer } from './login-answer';
import { LoginService } from './login.service';
import { PasswordHasher } from './password-hasher';
import { PasswordService } from './password.service';
import { Passwords } from './passwords';
import { PrincipalRevocations } from './principal-revocations';
import { RequestAuthenticator } from './request-authenticator';
import { RefreshService } from './refresh.service';
import { RefusedRequests } from './refused-requests';
import { RouteRulebook } from './route-rules';
import { Session } from './session.entity';
import { SessionRepository } from './session.repository';
import { SessionService } from './session.service';
import { SessionsController } from './sessions.controller';
import { User } from './user.entity';
import { UserRepository } from './user.repository';

/**
 * Owns: who may come in: users and API keys as credentials, logins and their tokens, the guard before every route, the
 * first administrator; who tells that a right has ended.
 * Does not own: what a role means for a route (each says it with `@RequireRole`), the management of users (users/) and of
 * API keys (api-keys/), how often somebody may try (limits/).
 */
@Module({
  imports: [TypeOrmModule.forFeature([User, Session, ApiKey]), PassportModule, JwtModule.register({}), LimitsModule],
  controllers: [AuthController, SessionsController],
  providers: [
    AccessTokens,
    AdminBootstrap,
    ApiKeyAuthenticator,
    ApiKeyRepository,
    ApiKeyUsage,
    FirstPasswordFile,
    JwtStrategy,
    LoginAnswer,
    LoginService,
    PasswordHasher,
    PasswordService,
    Passwords,
    PrincipalRevocations,
    RefreshService,
    RefusedRequests,
    RequestAuthenticator,
    RouteRulebook,
    SessionRepository,
    SessionService,
    UserRepository,
    { provide: APP_GUARD, useClass: AccessGuard },
  ],
  exports: [
    ApiKeyRepository,
    ApiKeyUsage,
    FirstPasswordFile,
    Passwords,
    PrincipalRevocations,
    RefusedRequests,
    RequestAuthenticator,
    SessionRepository,
    UserRepository,
  ],
})
export class AuthModule {}
