import { CallHandler, ExecutionContext, Injectable, NestInterceptor } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { catchError, from, mergeMap, type Observable, throwError } from 'rxjs';
import { currentRequest } from '../common/request-context';
import { toProblem } from '../common/problem.filter';
import { AUDITED } from './audited.decorator';
import { OperationLog } from './operation-log';
import { Refusals } from './refusals';

/** Sees to it that each try of an audited route has its row before the caller has the answer. */
@Injectable()
export class AuditInterceptor implements NestInterceptor {
  constructor(
    private readonly reflector: Reflector,
    private readonly operations: OperationLog,
    private readonly refusals: Refusals,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const action = this.reflector.get<string | undefined>(AUDITED, context.getHandler());
    if (action === undefined) return next.handle();
    return next.handle().pipe(
      mergeMap((answer) => from(this.done(action).then(() => answer as unknown))),
      catchError((error: unknown) => from(this.failed(action, error)).pipe(mergeMap(() => throwError(() => error)))),
    );
  }

  private async done(action: string): Promise<void> {
    const request = currentRequest();
    if (request?.operationRecorded === true) return;
    await this.operations.append({ action, outcome: 'success', changes: request?.details ?? null });
  }

  private async failed(action: string, error: unknown): Promise<void> {
    const request = currentRequest();
    if (request?.refusalRecorded === true) return;
    const { status, code, detail } = toProblem(error, { url: '', id: '' });
    const changes = { ...request?.details, code, detail };
    const refused = status === 401 || status === 403 || status === 429;
    await (
      refused
        ? this.refusals.record({ action, status, changes })
        : this.operations.append({ action, outcome: 'failure', status, changes })
    )
      // The caller gets the original error; a database that is away has been logged by then.
      .catch(() => undefined);
  }
}
