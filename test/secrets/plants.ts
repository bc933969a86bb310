/** What nobody may ever find: each is a word of its own. */
export const planted = {
  clientSecret: 'PLANTED-client-secret-5f1c',
  fullToken: 'PLANTED-full-token-9a2b',
  flagToken: 'PLANTED-flag-token-77d0',
  fileToken: 'PLANTED-file-token-3e4f',
  policySecret: 'PLANTED-policy "secret" \\ 21aa',
  urlPassword: 'PLANTED-url-password-b6c7',
  packageName: 'PLANTED-package-name-c0de',
} as const;

/** The daemon's environment. */
export const environment = {
  SINK_ID: 'the-client',
  SINK_SECRET: planted.clientSecret,
  FULL_TOKEN: planted.fullToken,
  POLICY_SECRET: planted.policySecret,
  POLICY_URL: `https://robot:${planted.urlPassword}@netbox.example/api`,
  POLICY_PACKAGE: planted.packageName,
};

/** Backends that do whatever they can with what they were given. */
export const leakySource = `
const uses = {
  async *yields({ scope }) { yield { device: { name: scope.secret, comments: scope.url } }; },
  logs({ scope, config }, { log }) {
    for (const level of ['debug', 'info', 'warn', 'error']) log[level](level + ' ' + scope.secret + ' ' + config.url);
    return [];
  },
  prints({ scope }) {
    process.stdout.write('out ' + scope.secret + '\\n' + scope.url + '\\n');
    process.stderr.write('err ' + JSON.stringify(scope) + '\\n');
    console.error(new Error(scope.secret));
    return [];
  },
  throws({ scope }) { throw new TypeError('no luck with ' + scope.secret + ' at ' + scope.url); },
  throwsText({ scope }) { throw scope.secret; },
  throwsPassword({ scope }) { throw new Error('wrong password: ' + new URL(scope.url).password); },
  throwsUrl({ scope }) { return fetch(scope.url); },
  yieldsRubbish({ scope }) { return [{ device: { name: { wrong: scope.secret } } }, { [scope.secret]: {} }]; },
  throwsLate({ scope }) {
    setTimeout(() => { throw new Error('late ' + scope.secret); });
    return new Promise(() => {});
  },
  exits({ scope }) { process.stderr.write('bye ' + scope.secret + '\\n', () => process.exit(3)); return new Promise(() => {}); },
};
export default {
  describe: () => ({ name: 'leaky', app_name: 'leaky', app_version: '1' }),
  scope: { '~standard': { version: 1, vendor: 'leaky', validate(value) {
    if (value.use !== 'refused') return { value };
    process.stdout.write('refusing ' + value.secret + '\\n');
    return { issues: [{ message: 'unwanted: ' + value.secret, path: ['secret'] }] };
  } } },
  run: (policy, context) => uses[policy.scope.use](policy, context),
};
`;

export const uses = [
  'yields',
  'logs',
  'prints',
  'throws',
  'throwsText',
  'throwsPassword',
  'throwsUrl',
  'yieldsRubbish',
  'throwsLate',
  'exits',
] as const;

/** A policy whose backend makes this use of its secrets. */
export function policyThat(use: string): string {
  const scope = { use, secret: '${POLICY_SECRET}', url: '${POLICY_URL}' };
  const config = { package: 'leaky', url: '${POLICY_URL}' };
  return JSON.stringify({ policies: { [use]: { config, scope } } });
}

/** Which of the planted words, in any form, stand in a text. */
export function findPlants(text: string): string[] {
  return Object.values(planted).filter((secret) =>
    [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)].some((form) =>
      text.includes(form),
    ),
  );
}
