import { ApiProperty } from '@nestjs/swagger';
import { IsString, MaxLength, MinLength } from 'class-validator';
import { MAX_PASSWORD, MIN_PASSWORD } from './password-rules';
import type { Principal } from './principal';
import { ROLES, type Role } from './roles';

export class LoginRequest {
  /** @example "admin" */
  @IsString()
  @MinLength(1)
  @MaxLength(64)
  username: string;

  @IsString()
  @MinLength(1)
  @MaxLength(MAX_PASSWORD)
  password: string;
}

export class PasswordChangeRequest {
  @IsString()
  @MinLength(1)
  @MaxLength(MAX_PASSWORD)
  currentPassword: string;

  /** At least 12 characters; a sentence is easy to remember and hard to guess */
  @IsString()
  @MinLength(MIN_PASSWORD)
  @MaxLength(MAX_PASSWORD)
  newPassword: string;
}

/** The caller. */
export class PrincipalView {
  @ApiProperty({ enum: ['user', 'apiKey'] })
  type: 'user' | 'apiKey';
  id: string;
  name: string;
  @ApiProperty({ enum: ROLES, enumName: 'Role' })
  role: Role;
  /** Present and true until the first password is changed */
  mustChangePassword?: boolean;
}

export class TokenView {
  /** Send it as "Authorization: Bearer ..." */
  accessToken: string;
  @ApiProperty({ enum: ['Bearer'] })
  tokenType: 'Bearer';
  /** Seconds until the token ends */
  expiresIn: number;
  user: PrincipalView;
}

/** One login of the caller. */
export class SessionView {
  id: string;
  @ApiProperty({ format: 'date-time' })
  createdAt: string;
  /** The login, or its last refresh */
  @ApiProperty({ format: 'date-time' })
  lastUsedAt: string;
  /** From where it was used last */
  ip: string | null;
  userAgent: string | null;
  /** The session of this very request */
  current: boolean;
}

export class SessionPageView {
  items: SessionView[];
  /** Always null: all of them are on this page */
  @ApiProperty({ type: String, nullable: true })
  nextCursor: string | null;
  total: number;
}

export function toPrincipalView(principal: Principal): PrincipalView {
  const { type, id, name, role, mustChangePassword } = principal;
  return { type, id, name, role, ...(mustChangePassword ? { mustChangePassword } : {}) };
}
