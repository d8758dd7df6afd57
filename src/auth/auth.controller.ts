import { Body, Controller, Get, Headers, HttpCode, Post, Put } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Audited } from '../audit/audited.decorator';
import { ApiProblems } from '../common/api-problems.decorator';
import { Public, RequireRole, WhilePasswordExpired } from './access.decorator';
import { LoginRequest, PasswordChangeRequest, PrincipalView, TokenView, toPrincipalView } from './auth.dto';
import { AuthService } from './auth.service';
import { CurrentPrincipal, type Principal } from './principal';

@ApiTags('Authentication')
@Controller('auth')
@RequireRole('viewer')
export class AuthController {
  constructor(private readonly auth: AuthService) {}

  /** Exchange a user name and a password for an access token */
  @Post('login')
  @Public()
  @HttpCode(200)
  @Audited('auth.login')
  @ApiOperation({ operationId: 'login' })
  @ApiProblems({ 401: 'The user name or the password is wrong' })
  login(@Body() body: LoginRequest, @Headers('user-agent') userAgent: string | undefined): Promise<TokenView> {
    return this.auth.login(body.username, body.password, userAgent);
  }

  /** Change your own password; ends all your other sessions */
  @Put('password')
  @WhilePasswordExpired()
  @HttpCode(204)
  @Audited('auth.password')
  @ApiOperation({ operationId: 'changePassword' })
  @ApiProblems({ 403: 'The current password is wrong' })
  changePassword(@CurrentPrincipal() principal: Principal, @Body() body: PasswordChangeRequest): Promise<void> {
    return this.auth.changePassword(principal, body.currentPassword, body.newPassword);
  }

  /** Who you are */
  @Get('me')
  @WhilePasswordExpired()
  @ApiOperation({ operationId: 'getMe' })
  me(@CurrentPrincipal() principal: Principal): PrincipalView {
    return toPrincipalView(principal);
  }
}
