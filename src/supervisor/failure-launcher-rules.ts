import { type FailureRule, type Finding, lineRule, quoted } from './failure-finding';

/*
 * The last words of what fetches programs and runs them: npx, uvx, docker, podman. Each pattern is as
 * long as it has to be so that a line of an ordinary log does not match: better no reason than a wrong one. None
 * repeats a repetition, so that each is linear in the line.
 */
const NETWORK_CODES =
  'ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ESOCKETTIMEDOUT|ERR_SOCKET_TIMEOUT|EAI_AGAIN|ENETUNREACH|EHOSTUNREACH|EHOSTDOWN|ENETDOWN|EPROTO';
const TRUST_CODES =
  'SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_GET_ISSUER_CERT_LOCALLY|UNABLE_TO_VERIFY_LEAF_SIGNATURE|CERT_HAS_EXPIRED|ERR_TLS_CERT_ALTNAME_INVALID';
const NPM = '^npm (?:error|ERR!)';

const packageNotFound = (name: string | undefined): Finding => ({
  code: 'package_not_found',
  what: `the package ${quoted(name)} is not in the registry, or hidden from us`,
});
const registryUnreachable = (why: string): Finding => ({
  code: 'registry_unreachable',
  what: `the package registry could not be reached (${why})`,
});
const runtimeTooOld = (what: string): Finding => ({ code: 'runtime_too_old', what });

export const NPM_RULES: readonly FailureRule[] = [
  lineRule(new RegExp(`${NPM} 404 +(?:The requested resource )?'([^']{1,214})'`), ([, name]) =>
    packageNotFound(name?.replace(/@\*$/, '')),
  ),
  lineRule(new RegExp(`${NPM} .{0,40}No matching version found for (\\S{1,214}?)\\.?(?:\\s|$)`), ([, name]) => ({
    code: 'package_version_not_found',
    what: `there is no version ${quoted(name)}`,
  })),
  lineRule(new RegExp(`${NPM} code E(401|403|NEEDAUTH|OTP|429)\\b`), ([, code]) => ({
    code: 'registry_refused',
    what: `the package registry refuses to answer us (E${code ?? ''})`,
  })),
  lineRule(new RegExp(`${NPM}.{0,400}\\b(${NETWORK_CODES})\\b`), ([, code]) => registryUnreachable(code ?? 'network'), {
    whileAlive: true,
  }),
  lineRule(new RegExp(`${NPM}.{0,400}\\b(${TRUST_CODES})\\b`), ([, code]) => registryUnreachable(code ?? 'TLS')),
  lineRule(new RegExp(`${NPM} code ENOTCACHED`), () =>
    registryUnreachable('npm is offline, and the package not in its cache'),
  ),
  lineRule(new RegExp(`${NPM} could not determine executable to run`), () => ({
    code: 'package_has_no_program',
    what: 'npx found the package, but no single program in it to run',
  })),
  {
    read: (lines, index) => {
      if (!new RegExp(`${NPM} (?:code EBADENGINE|notsup Not compatible with your version)`).test(lines[index] ?? ''))
        return null;
      const required = lines.slice(index, index + 6).find((line) => line.includes('Required:'));
      return runtimeTooOld(
        `the package wants another Node.js${required ? `: ${required.replace(/^npm (?:error|ERR!) notsup /, '').slice(0, 120)}` : ''}`,
      );
    },
  },
];

export const UV_RULES: readonly FailureRule[] = [
  lineRule(/\bBecause (\S{1,120}) was not found in(?: the)?(?: package)?(?: registry)?/, ([, name]) =>
    packageNotFound(name),
  ),
  lineRule(/\b[Bb]ecause there is no version of (\S{1,120}?),?(?: and | we |$)/, ([, name]) => ({
    code: 'package_version_not_found',
    what: `there is no version ${quoted(name)}`,
  })),
  lineRule(
    /\bthe (?:requested|current) Python version \(([^)]{1,40})\) does not satisfy (Python\S{1,40})/,
    ([, has, wants]) => runtimeTooOld(`it wants ${wants ?? 'another Python'} and got ${has ?? 'another one'}`),
  ),
  lineRule(/\brequires a different Python: (\S{1,20}) not in '([^']{1,60})'/, ([, has, wants]) =>
    runtimeTooOld(`it wants Python ${wants ?? ''} and got ${has ?? 'another one'}`),
  ),
  lineRule(/\bNo solution found when resolving\b/, () => ({
    code: 'package_unresolvable',
    what: 'no set of versions fits together',
  })),
  lineRule(
    /(?:^The executable `([^`]{1,80})` was not found\.|\bAn executable named `([^`]{1,80})` is not provided by package)/,
    ([, a, b]) => ({
      code: 'package_has_no_program',
      what: `there is no program ${quoted(a ?? b)} in the package`,
    }),
  ),
  lineRule(/\bCould not connect, are you offline\?/, () => registryUnreachable('no connection'), { whileAlive: true }),
  lineRule(
    /\berror sending request for url \(https?:\/\/([^/)@\s]{1,120})/,
    ([, host]) => registryUnreachable(host ?? 'network'),
    {
      whileAlive: true,
    },
  ),
  lineRule(/\bFailed to fetch: `https?:\/\/([^/`@\s]{1,120})/, ([, host]) => registryUnreachable(host ?? 'network')),
];

export const CONTAINER_RULES: readonly FailureRule[] = [
  lineRule(
    /\b(?:Cannot connect to (?:the Docker daemon|Podman)|failed to connect to the docker API|Is the docker daemon running\?)/i,
    () => ({ code: 'container_engine_down', what: 'the container engine does not answer' }),
    { whileAlive: true },
  ),
  lineRule(/\bpermission denied while trying to connect to the docker (?:daemon socket|API)/i, () => ({
    code: 'container_engine_refused',
    what: 'this user may not talk to the container engine',
  })),
  lineRule(/\bpull access denied for ([^,\s]{1,200})/, ([, image]) => ({
    code: 'image_not_found',
    what: `the image ${quoted(image)} is not there, or not for us`,
  })),
  lineRule(/\bmanifest for (\S{1,200}) not found\b/, ([, image]) => ({
    code: 'image_not_found',
    what: `there is no image ${quoted(image)}`,
  })),
  lineRule(/\bmanifest unknown\b/, () => ({ code: 'image_not_found', what: 'there is no image of this name and tag' })),
  lineRule(/\btoomanyrequests: /, () => ({
    code: 'registry_refused',
    what: 'the image registry limits how often it is asked',
  })),
  lineRule(
    /\b(?:Error response from daemon: )?(?:Get|Head) "https?:\/\/([^/"@\s]{1,120})\/v2\/[^"\s]{0,300}": (?:dial|net\/http|context|EOF|tls)/,
    ([, host]) => registryUnreachable(host ?? 'network'),
  ),
  lineRule(
    /\b(?:the input device is not a TTY|cannot attach stdin to a TTY-enabled container)/i,
    () => ({
      code: 'container_wants_terminal',
      what: 'the container was asked to use a terminal (-t), and there is none',
    }),
    { whileAlive: true },
  ),
  lineRule(/\bexec: "([^"]{1,200})": executable file not found in \$PATH/, ([, name]) => ({
    code: 'inner_command_not_found',
    what: `there is no command ${quoted(name)} in it`,
  })),
];

/** Only of a program that lives: a download that has ended is no reason for anything. */
export const DOWNLOAD_RULES: readonly FailureRule[] = [
  lineRule(
    /^(?:Unable to find image '[^']{1,200}' locally|\S{1,100}: (?:Pulling from \S|Pulling fs layer|Downloading|Extracting)|Downloading \S{1,100} \(\d|(?:Resolving|Updating|Installing|Preparing) \S{1,200}|npm (?:warn|WARN) exec The following package was not found and will be installed: .*)/,
    () => ({ code: 'still_downloading', what: 'it was still downloading' }),
    { whileAlive: true },
  ),
];
