import { type ArgumentMetadata, ValidationPipe } from '@nestjs/common';
import { getMetadataStorage, type ValidationError } from 'class-validator';
import { FREE_FORM } from './free-form';
import { type FieldError, ValidationFailedError } from './domain-error';

/** The one pipe for bodies and queries: unknown fields refused, all mistakes named at once, values never echoed. */
export function createValidationPipe(): ValidationPipe {
  return new WholeBodyPipe({
    whitelist: true,
    forbidNonWhitelisted: true,
    transform: true,
    stopAtFirstError: true,
    validationError: { target: true, value: false },
    exceptionFactory: (errors) => new ValidationFailedError(toFieldErrors(errors)),
  });
}

/**
 * Rebuilding objects loses members that are named like a method of every object, and what is for an MCP server has to
 * reach it whole: free-form members go around the pipe; only that they are objects is checked. Nest's own cleaning of
 * `constructor` and `__proto__` is not needed: the parser refuses what could pollute.
 */
class WholeBodyPipe extends ValidationPipe {
  override async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    // Where every field may be left out, `null` would pass for an empty object.
    if (metadata.type === 'body' && value !== undefined && (!isObject(value) || Array.isArray(value))) {
      throw new ValidationFailedError([{ path: 'body', message: 'must be a JSON object' }]);
    }
    const freeForm =
      metadata.type === 'body' && isObject(value)
        ? Object.entries(value).filter(([name, member]) => FREE_FORM.has(name) && isObject(member))
        : [];
    if (freeForm.length === 0) return super.transform(value, metadata) as Promise<unknown>;
    const stand = freeForm.map(([name, member]) => [name, Array.isArray(member) ? [] : {}] as const);
    const checked: unknown = await super.transform({ ...(value as object), ...Object.fromEntries(stand) }, metadata);
    return isObject(checked) ? Object.assign(checked, Object.fromEntries(freeForm)) : checked;
  }

  protected override stripProtoKeys(): void {
    // Nothing is taken away.
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** Flattens class-validator's tree to dotted paths. */
export function toFieldErrors(errors: ValidationError[], parent = ''): FieldError[] {
  return errors.flatMap((error) => {
    const path = parent === '' ? error.property : `${parent}.${error.property}`;
    const own = Object.entries(error.constraints ?? {}).map(([rule, message]) => ({
      path,
      message: rule === 'whitelistValidation' ? notKnownTo(error.target) : withoutName(message, error.property),
    }));
    return [...own, ...toFieldErrors(error.children ?? [], path)];
  });
}

/** Names the fields that there are: who asks for one by a wrong name wants one of them. */
function notKnownTo(target: object | undefined): string {
  const known =
    target === undefined ? [] : getMetadataStorage().getTargetValidationMetadatas(target.constructor, '', false, false);
  const names = [...new Set(known.map(({ propertyName }) => propertyName))];
  return names.length === 0 ? 'is not known here' : `is not known here; there is ${names.join(', ')}`;
}

/** "limit must be ..." -> "must be ...": the path says the name already. */
function withoutName(message: string, property: string): string {
  return message.startsWith(`${property} `) ? message.slice(property.length + 1) : message;
}
