import { registerDecorator } from 'class-validator';
import { toolNameProblem } from './tool-definition.types';

/** A name that a tool may have. */
export function IsToolName(): PropertyDecorator {
  return (target, property) => {
    registerDecorator({
      name: 'isToolName',
      target: target.constructor,
      propertyName: String(property),
      validator: {
        validate: (value: unknown) => typeof value === 'string' && toolNameProblem(value) === null,
        defaultMessage: (args) =>
          `$property ${typeof args?.value === 'string' ? (toolNameProblem(args.value) ?? 'is not valid') : 'must be a text'}`,
      },
    });
  };
}
