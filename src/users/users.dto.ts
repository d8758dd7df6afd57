import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean, IsIn, IsString, Matches, MaxLength, MinLength, ValidateIf } from 'class-validator';
import { MAX_PASSWORD, MIN_PASSWORD } from '../auth/password-rules';
import { ROLES, type Role } from '../auth/roles';
import { toTimestamp } from '../common/clock';
import type { User } from '../auth/user.entity';

const USERNAME = /^[A-Za-z0-9._@-]{1,64}$/;
const USERNAME_MESSAGE = { message: '$property must be 1 to 64 letters, digits or . _ @ -' };

/** A field may be left out, but not be null: there is nothing to be reset to. */
const MayBeLeftOut = () => ValidateIf((_, value: unknown) => value !== undefined);

export class UserRequest {
  /** @example "anna" */
  @Matches(USERNAME, USERNAME_MESSAGE)
  username: string;

  /** At least 12 characters */
  @IsString()
  @MinLength(MIN_PASSWORD)
  @MaxLength(MAX_PASSWORD)
  password: string;

  @ApiProperty({ enum: ROLES, enumName: 'Role' })
  @IsIn(ROLES)
  role: Role;

  /** May not log in */
  @ApiPropertyOptional({ default: false })
  @MayBeLeftOut()
  @IsBoolean()
  disabled?: boolean;

  /** Must change the password before anything else */
  @ApiPropertyOptional({ default: false })
  @MayBeLeftOut()
  @IsBoolean()
  mustChangePassword?: boolean;
}

export class UserPatchRequest {
  @MayBeLeftOut()
  @Matches(USERNAME, USERNAME_MESSAGE)
  username?: string;

  /** At least 12 characters; for your own, use PUT /auth/password */
  @MayBeLeftOut()
  @IsString()
  @MinLength(MIN_PASSWORD)
  @MaxLength(MAX_PASSWORD)
  password?: string;

  @ApiPropertyOptional({ enum: ROLES, enumName: 'Role' })
  @MayBeLeftOut()
  @IsIn(ROLES)
  role?: Role;

  @MayBeLeftOut()
  @IsBoolean()
  disabled?: boolean;

  @MayBeLeftOut()
  @IsBoolean()
  mustChangePassword?: boolean;
}

export class UserView {
  id: string;
  username: string;
  @ApiProperty({ enum: ROLES, enumName: 'Role' })
  role: Role;
  disabled: boolean;
  mustChangePassword: boolean;
  /** Counts the changes; the ETag */
  version: number;
  @ApiProperty({ format: 'date-time' })
  createdAt: string;
  @ApiProperty({ format: 'date-time' })
  updatedAt: string;
}

export class UserPageView {
  items: UserView[];
  /** Pass it as `cursor` for the next page; null on the last */
  nextCursor: string | null;
  total: number;
}

/** Field by field, so that no hash gets out by accident. */
export function toUserView(user: User): UserView {
  const { id, username, role, disabled, mustChangePassword, version, createdAt, updatedAt } = user;
  return {
    ...{ id, username, role, disabled, mustChangePassword, version },
    createdAt: toTimestamp(createdAt),
    updatedAt: toTimestamp(updatedAt),
  };
}
