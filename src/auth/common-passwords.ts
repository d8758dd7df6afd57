/**
 * What the lists of leaked passwords have in front, as far as it is of use here: passwords have 12 characters or more, so
 * short ones matter as the stem of longer ones ("password1234", "Welcome!2026!!"). Letters and digits in lower case; digits
 * and signs around a stem are taken off before it is looked up.
 */
export const COMMON_STEMS: ReadonlySet<string> = new Set(
  `
  access admin adminadmin administrator adminpassword apple baseball batman changeit changeme charlie cheese chocolate
  computer default defaultpassword donald dragon example football freedom flower forever fuckyou
  george ginger google guest hello hellohello helloworld hockey hunter iloveyou iloveyousomuch internet jennifer jessica
  jordan killer letmein letmeinplease login london loveyou lovelove mailru manager master maverick michael michelle monkey
  mustang mypassword mysecret mysecretpassword mysql newpassword nicole ninja nothing nopassword oracle passphrase passw
  password passwordpassword passwort pepper pokemon postgres postgresql princess private purple qazwsx qazwsxedc
  qazwsxedcrfv querty qwert qwerty qwertyasdfgh qwertyqwerty qwertyuiop qwertyuiopasdf qwertyuiopasdfgh
  qwertyuiopasdfghjkl qwertyuiopasdfghjklzxcvbnm qwertzuiop asdasd asdf asdfasdf asdfgh asdfghjkl asdfghjklqwerty
  zxcvbn zxcvbnm ranger robert root rootroot samsung secret secretpassword secretsecret server shadow soccer starwars
  summer winter spring autumn sunshine superman superuser supersecret supersecretpassword sysadmin temp temporary
  temppassword test testing testtest testpassword thisismypassword thomas tigger toor trustno trustnoone unbelievable
  user username userpassword welcome welcomehome welcometo whatever yellow yourpassword
  `
    .trim()
    .split(/\s+/),
);

/** Rows of a keyboard and the like: a password that is a piece of one of them, forwards or backwards, is a finger exercise. */
export const RUNS: readonly string[] = [
  '01234567890123456789',
  'abcdefghijklmnopqrstuvwxyz',
  'qwertyuiopasdfghjklzxcvbnm',
  'qwertzuiopasdfghjklyxcvbnm',
  'azertyuiopqsdfghjklmwxcvbn',
  '1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p',
  '1q2w3e4r5t6y7u8i9o0p',
  'q1w2e3r4t5y6u7i8o9p0',
  '123qweasdzxc',
  'qweasdzxc123',
  '1234qwerasdfzxcv',
  'qwerasdfzxcv1234',
];
