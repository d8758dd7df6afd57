import { Controller, Delete, Get, HttpCode, Param, Post, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Audited } from '../audit/audited.decorator';
import { RequireRole, UsersOnly, WhilePasswordExpired } from './access.decorator';
import { SessionPageView } from './auth.dto';
import { LoginAnswer } from './login-answer';
import { CurrentPrincipal, type Principal } from './principal';
import { SessionService } from './session.service';

@ApiTags('Authentication')
@Controller('auth')
@RequireRole('viewer')
@UsersOnly()
export class SessionsController {
  constructor(
    private readonly sessions: SessionService,
    private readonly answer: LoginAnswer,
  ) {}

  /** End the login of this request, its access tokens and its refresh token */
  @Post('logout')
  @WhilePasswordExpired()
  @HttpCode(204)
  @Audited('auth.logout')
  @ApiOperation({ operationId: 'logout' })
  async logout(
    @CurrentPrincipal() principal: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    this.answer.takeBack(reply);
    await this.sessions.end(principal, principal.sessionId ?? '');
  }

  /** Your own sessions, newest first */
  @Get('sessions')
  @ApiOperation({ operationId: 'listSessions' })
  list(@CurrentPrincipal() principal: Principal): Promise<SessionPageView> {
    return this.sessions.list(principal);
  }

  /** End one of your own sessions; its access tokens are worth nothing from then on */
  @Delete('sessions/:id')
  @HttpCode(204)
  @Audited('auth.logout')
  @ApiOperation({ operationId: 'endSession' })
  end(@CurrentPrincipal() principal: Principal, @Param('id') id: string): Promise<void> {
    return this.sessions.end(principal, id);
  }
}
