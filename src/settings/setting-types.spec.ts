import { cron, wholeNumber, word, yesOrNo } from './setting-types';

describe('what a setting may be', () => {
  it.each([
    [0, true],
    [10, true],
    [-1, false],
    [11, false],
    [1.5, false],
    ['5', false],
    [null, false],
    [NaN, false],
    [true, false],
  ])('takes %p as a whole number from 0 to 10: %p', (value, isTaken) => {
    const check = () => wholeNumber({ min: 0, max: 10 }).check(value);
    if (isTaken) expect(check()).toBe(value);
    else expect(check).toThrow('must be a whole number from 0 to 10');
  });

  it('takes no word for a yes, and no word that it does not know', () => {
    expect(yesOrNo().check(false)).toBe(false);
    expect(() => yesOrNo().check('true')).toThrow('must be true or false');
    expect(word(['a', 'b']).check('b')).toBe('b');
    expect(() => word(['a', 'b']).check('c')).toThrow('must be one of a, b');
    expect(() => word(['a', 'b']).check(['a'])).toThrow('must be one of a, b');
  });

  it.each(['0 3 * * *', '*/5 * * * *', '15 0 3 * * *', '0 0 1 1 *', ' 0  3 * * 1-5 '])(
    'takes %p as a schedule',
    (value) => {
      expect(cron().check(value)).toBe(value);
    },
  );

  it('says of a day that never comes what is wrong with it, and nothing of the library', () => {
    expect(() => cron().check('0 0 30 2 *')).toThrow(/\(no such day comes\)$/);
    expect(() => cron().check('61 * * * *')).toThrow(/\(Field value \(61\) is out of range\)$/);
  });

  it.each(['', '@daily', '* * * *', '* * * * * * *', '61 * * * *', 'a b c d e', '0 0 30 2 *', '2026-01-01', 7, null])(
    'does not take %p as a schedule, and says what one is',
    (value) => {
      expect(() => cron().check(value)).toThrow('must be a cron expression of five fields');
    },
  );
});
