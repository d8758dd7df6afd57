import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module';
import { UsersController } from './users.controller';
import { UsersService } from './users.service';

/**
 * Owns: the management of users: routes, rules (there is always an administrator), what a change ends.
 * Does not own: their table, passwords, sessions and logins (auth/).
 */
@Module({ imports: [AuthModule], controllers: [UsersController], providers: [UsersService] })
export class UsersModule {}
