import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { JwtModule } from '@nestjs/jwt';
import { PassportModule } from '@nestjs/passport';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AccessGuard } from './access.guard';
import { AccessTokens } from './access-tokens';
import { AdminBootstrap } from './admin-bootstrap';
import { AuthController } from './auth.controller';
import { AuthService } from './auth.service';
import { FirstPasswordFile } from './first-password-file';
import { JwtStrategy } from './jwt.strategy';
import { PasswordHasher } from './password-hasher';
import { RefusalThrottle } from './refusal-throttle';
import { Session } from './session.entity';
import { SessionRepository } from './session.repository';
import { User } from './user.entity';
import { UserRepository } from './user.repository';

/**
 * Owns: who may come in: users, their logins, access tokens, the guard before every route, the first administrator.
 * Does not own: what a role means for a route; each route says it with `@RequireRole`.
 */
@Module({
  imports: [TypeOrmModule.forFeature([User, Session]), PassportModule, JwtModule.register({})],
  controllers: [AuthController],
  providers: [
    AuthService,
    AccessTokens,
    AdminBootstrap,
    FirstPasswordFile,
    JwtStrategy,
    PasswordHasher,
    RefusalThrottle,
    SessionRepository,
    UserRepository,
    { provide: APP_GUARD, useClass: AccessGuard },
  ],
  exports: [FirstPasswordFile],
})
export class AuthModule {}
