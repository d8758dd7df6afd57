import { type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { AUDITED } from '../audit/audited.decorator';
import {
  PUBLIC,
  REQUIRED_ROLE,
  SCOPED_KEYS,
  TAKES_CREDENTIALS,
  USERS_ONLY,
  WHILE_PASSWORD_EXPIRED,
  WHILE_RESTORING,
} from './access.decorator';
import type { Role } from './roles';

/** What a route says about who may use it; all of it at its strictest where it says nothing. */
export interface RouteRules {
  isPublic: boolean;
  role: Role;
  whilePasswordExpired: boolean;
  usersOnly: boolean;
  scopedKeys: boolean;
  takesCredentials: boolean;
  whileRestoring: boolean;
  /** Its name in the operation log. */
  action: string;
}

type Handler = ReturnType<ExecutionContext['getHandler']>;
type Controller = ReturnType<ExecutionContext['getClass']>;

/** Reads the decorators of a route, once for each. */
@Injectable()
export class RouteRulebook {
  private readonly known = new WeakMap<Controller, Map<Handler, RouteRules>>();

  constructor(private readonly reflector: Reflector) {}

  of(context: ExecutionContext): RouteRules {
    const [controller, handler] = [context.getClass(), context.getHandler()];
    let rules = this.known.get(controller);
    if (rules === undefined) this.known.set(controller, (rules = new Map<Handler, RouteRules>()));
    const found = rules.get(handler) ?? this.read(handler, controller);
    rules.set(handler, found);
    return found;
  }

  private read(handler: Handler, controller: Controller): RouteRules {
    const says = (key: string) => this.reflector.getAllAndOverride<unknown>(key, [handler, controller]);
    return {
      isPublic: says(PUBLIC) === true,
      role: (says(REQUIRED_ROLE) ?? 'admin') as Role,
      whilePasswordExpired: says(WHILE_PASSWORD_EXPIRED) === true,
      usersOnly: says(USERS_ONLY) === true,
      scopedKeys: says(SCOPED_KEYS) === true,
      takesCredentials: says(TAKES_CREDENTIALS) === true,
      whileRestoring: says(WHILE_RESTORING) === true,
      action: this.reflector.get<string | undefined>(AUDITED, handler) ?? 'http.read',
    };
  }
}
