import { Body, Controller, Get, HttpCode, Post, Put, Req, Res, UseGuards } from '@nestjs/common';
import { ApiCookieAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Audited } from '../audit/audited.decorator';
import { ApiProblems } from '../common/api-problems.decorator';
import { Public, RequireRole, ScopedKeys, TakesCredentials, UsersOnly, WhilePasswordExpired } from './access.decorator';
import { LoginRequest, PasswordChangeRequest, PrincipalView, TokenView, toPrincipalView } from './auth.dto';
import { RefreshRefusedError } from './auth.errors';
import { type Client, CurrentClient } from './client';
import { CookieOriginGuard } from './cookie-origin.guard';
import { LoginAnswer } from './login-answer';
import { LoginService } from './login.service';
import { PasswordService } from './password.service';
import { CurrentPrincipal, type Principal } from './principal';
import { RefreshService } from './refresh.service';

const SLOWED = 'Too many wrong passwords, or too many requests; `Retry-After` says how long to wait';

@ApiTags('Authentication')
@Controller('auth')
@RequireRole('viewer')
export class AuthController {
  constructor(
    private readonly logins: LoginService,
    private readonly refreshes: RefreshService,
    private readonly passwords: PasswordService,
    private readonly answer: LoginAnswer,
  ) {}

  /** Exchange a user name and a password for an access token; sets the refresh token as a cookie */
  @Post('login')
  @Public()
  @TakesCredentials()
  @HttpCode(200)
  @Audited('auth.login')
  @ApiOperation({ operationId: 'login' })
  @ApiProblems({ 401: 'The user name or the password is wrong', 429: SLOWED })
  async login(
    @Body() body: LoginRequest,
    @CurrentClient() client: Client,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<TokenView> {
    return this.answer.give(reply, await this.logins.login(body.username, body.password, client));
  }

  /** A new access token for the cookie of the login; replaces the cookie, which is good for one use */
  @Post('refresh')
  @Public()
  @TakesCredentials()
  @UseGuards(CookieOriginGuard)
  @HttpCode(200)
  @Audited('auth.refresh')
  @ApiOperation({ operationId: 'refresh' })
  @ApiCookieAuth('refresh')
  @ApiProblems({
    401: 'The login is over; using a refresh token twice ends it',
    403: 'The Origin is not allowed',
    415: 'Neither Content-Type: application/json nor X-Requested-With',
    429: 'Too many requests',
  })
  async refresh(
    @Req() request: FastifyRequest,
    @CurrentClient() client: Client,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<TokenView> {
    try {
      return await this.answer.give(reply, await this.refreshes.refresh(this.answer.refreshTokenOf(request), client));
    } catch (error) {
      if (error instanceof RefreshRefusedError) this.answer.takeBack(reply);
      throw error;
    }
  }

  /** Change your own password; ends all your other sessions */
  @Put('password')
  @UsersOnly()
  @WhilePasswordExpired()
  @TakesCredentials()
  @HttpCode(204)
  @Audited('auth.password')
  @ApiOperation({ operationId: 'changePassword' })
  @ApiProblems({ 403: 'The current password is wrong', 429: SLOWED })
  changePassword(
    @CurrentPrincipal() principal: Principal,
    @Body() body: PasswordChangeRequest,
    @CurrentClient() client: Client,
  ): Promise<void> {
    return this.passwords.change(principal, body.currentPassword, body.newPassword, client);
  }

  /** Who you are */
  @Get('me')
  @ScopedKeys()
  @WhilePasswordExpired()
  @ApiOperation({ operationId: 'getMe' })
  me(@CurrentPrincipal() principal: Principal): PrincipalView {
    return toPrincipalView(principal);
  }
}
