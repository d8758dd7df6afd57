import { DomainError } from '../common/domain-error';

export class ApiKeyNotFoundError extends DomainError {
  constructor() {
    super('not-found', 'api_key_not_found', 'There is no such API key');
  }
}
