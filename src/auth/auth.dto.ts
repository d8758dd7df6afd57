import { IsString, MaxLength, MinLength } from 'class-validator';
import type { Principal } from './principal';
import { ROLES, type Role } from './roles';
import { ApiProperty } from '@nestjs/swagger';

export class LoginRequest {
  /** @example "admin" */
  @IsString()
  @MinLength(1)
  @MaxLength(64)
  username: string;

  @IsString()
  @MinLength(1)
  @MaxLength(1000)
  password: string;
}

export class PasswordChangeRequest {
  @IsString()
  @MinLength(1)
  @MaxLength(1000)
  currentPassword: string;

  /** At least 12 characters; a sentence is easy to remember and hard to guess */
  @IsString()
  @MinLength(12)
  @MaxLength(1000)
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

export function toPrincipalView(principal: Principal): PrincipalView {
  const { type, id, name, role, mustChangePassword } = principal;
  return { type, id, name, role, ...(mustChangePassword ? { mustChangePassword } : {}) };
}
