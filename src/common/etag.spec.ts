import { PreconditionFailedError, ValidationFailedError } from './domain-error';
import { etagOf, requireMatch } from './etag';

describe('an If-Match header', () => {
  it.each([
    ['is absent', undefined],
    ['is *', '*'],
    ['is * among blanks', ' * '],
    ['is the current tag', etagOf(7)],
    ['lists the current tag', '"5", "7" ,"9"'],
    ['lists the current tag strong and weak', 'W/"7","7"'],
  ])('lets the request pass when it %s', (_, header) => {
    expect(() => requireMatch(header, 7)).not.toThrow();
  });

  it.each([
    ['another version', '"6"'],
    ['the current version as a weak tag only', 'W/"7"'],
    ['a list without the current one', '"6", "8"'],
    ['an empty tag', '""'],
    ['the number with a leading zero', '"07"'],
  ])('fails the request when it is %s, and tells the current version', (_, header) => {
    expect(() => requireMatch(header, 7)).toThrow(PreconditionFailedError);
    expect(() => requireMatch(header, 7)).toThrow(/at version 7; .* If-Match: "7"$/);
  });

  it.each(['7', '"7', '7"', '"7" "8"', 'w/"7"', '"7",*', '"7"; x', ''])('is refused as malformed: %j', (header) => {
    expect(() => requireMatch(header, 7)).toThrow(ValidationFailedError);
    expect(() => requireMatch(header, 7)).toThrow(/^If-Match must be/);
  });
});
