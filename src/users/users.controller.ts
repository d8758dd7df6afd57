import { Body, Controller, Delete, Get, Headers, HttpCode, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiHeader, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Audited } from '../audit/audited.decorator';
import { RequireRole } from '../auth/access.decorator';
import { CurrentPrincipal, type Principal } from '../auth/principal';
import { ApiProblems } from '../common/api-problems.decorator';
import { etagOf } from '../common/etag';
import { PageQuery } from '../common/page.dto';
import { UserPageView, UserPatchRequest, UserRequest, UserView } from './users.dto';
import { UsersService } from './users.service';

const STALE = 'If-Match names an old version';
const LAST_ADMIN = 'It is the last enabled administrator';
const IF_MATCH = { name: 'If-Match', required: false, description: 'ETag of the version to change' };

@ApiTags('Users')
@Controller('users')
@RequireRole('admin')
export class UsersController {
  constructor(private readonly users: UsersService) {}

  /** List users */
  @Get()
  @ApiOperation({ operationId: 'listUsers' })
  list(@Query() query: PageQuery): Promise<UserPageView> {
    return this.users.list(query);
  }

  /** Make a user */
  @Post()
  @Audited('user.create')
  @ApiOperation({ operationId: 'createUser' })
  @ApiProblems({ 409: 'Another user has this name' })
  async create(@Body() body: UserRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<UserView> {
    const user = await this.users.create(body);
    void reply.header('location', `${reply.request.url.split('?')[0] ?? ''}/${user.id}`);
    return tagged(reply, user);
  }

  /** Read a user */
  @Get(':id')
  @ApiOperation({ operationId: 'getUser' })
  async get(@Param('id') id: string, @Res({ passthrough: true }) reply: FastifyReply): Promise<UserView> {
    return tagged(reply, await this.users.get(id));
  }

  /** Change a user; another role, a new password and `disabled` end all sessions of the user */
  @Patch(':id')
  @Audited('user.update')
  @ApiOperation({ operationId: 'patchUser' })
  @ApiHeader(IF_MATCH)
  @ApiProblems({ 409: `${LAST_ADMIN}, the name is taken, or it is your own password`, 412: STALE })
  async patch(
    @CurrentPrincipal() caller: Principal,
    @Param('id') id: string,
    @Body() body: UserPatchRequest,
    @Headers('if-match') ifMatch: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<UserView> {
    return tagged(reply, await this.users.patch(caller, id, body, ifMatch));
  }

  /** Delete a user and end all sessions; what the user did stays in the operation log */
  @Delete(':id')
  @HttpCode(204)
  @Audited('user.delete')
  @ApiOperation({ operationId: 'deleteUser' })
  @ApiHeader(IF_MATCH)
  @ApiResponse({ status: 204, description: 'It is gone' })
  @ApiProblems({ 409: LAST_ADMIN, 412: STALE })
  remove(@Param('id') id: string, @Headers('if-match') ifMatch: string | undefined): Promise<void> {
    return this.users.remove(id, ifMatch);
  }
}

function tagged(reply: FastifyReply, user: UserView): UserView {
  void reply.header('etag', etagOf(user.version));
  return user;
}
