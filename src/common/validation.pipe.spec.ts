import { Type } from 'class-transformer';
import { IsArray, IsInt, IsString, Matches, Max, ValidateNested } from 'class-validator';
import { ValidationFailedError } from './domain-error';
import { createValidationPipe } from './validation.pipe';

class Inner {
  @IsInt()
  @Max(10)
  size: number;
}

class Outer {
  @IsString()
  name: string;

  @IsArray()
  @IsString({ each: true })
  args: string[];

  @Matches(/^x$/, { message: 'name must be x' })
  code: string;

  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => Inner)
  parts: Inner[];
}

async function errorsOf(body: unknown): Promise<ValidationFailedError['errors']> {
  try {
    await createValidationPipe().transform(body, { type: 'body', metatype: Outer });
  } catch (error) {
    if (error instanceof ValidationFailedError) return error.errors;
    throw error;
  }
  return [];
}

const VALID = { name: 'a', args: ['b'], code: 'x', parts: [{ size: 3 }] };

describe('the validation of a body', () => {
  it('hands on a valid one as its class', async () => {
    const passed = await createValidationPipe().transform(VALID, { type: 'body', metatype: Outer });
    expect(passed).toBeInstanceOf(Outer);
    expect(passed).toEqual(VALID);
  });

  it('names all mistakes at once, each once, by dotted paths', async () => {
    const errors = await errorsOf({ name: 1, args: ['b', 2], code: 'x', parts: [{ size: 3 }, { size: 'many' }] });
    expect(errors).toEqual([
      { path: 'name', message: 'must be a string' },
      { path: 'args', message: 'each value in args must be a string' },
      { path: 'parts.1.size', message: expect.stringMatching(/^must (be an integer|not be greater)/) },
    ]);
  });

  it('names what it does not know, at every depth, and what there is instead', async () => {
    const errors = await errorsOf({ ...VALID, colour: 'red', parts: [{ size: 3, weight: 1 }] });
    expect(errors).toEqual([
      { path: 'colour', message: 'is not known here; there is name, args, code, parts' },
      { path: 'parts.0.weight', message: 'is not known here; there is size' },
    ]);
  });

  it('drops the name in front of a message only where it is the name of the field', async () => {
    expect(await errorsOf({ ...VALID, code: 'y' })).toEqual([{ path: 'code', message: 'name must be x' }]);
  });

  it('never repeats a value', async () => {
    const errors = await errorsOf({ ...VALID, name: { password: 's3cr3t' }, args: [['s3cr3t']], code: 's3cr3t' });
    expect(errors).toHaveLength(3);
    expect(JSON.stringify(errors)).not.toContain('s3cr3t');
  });
});
