import os from 'node:os';
import { describe, expect, test } from 'vitest';
import { identityOf, readIdentity } from '../src/read/identity.ts';

const debian = { distro: 'Debian GNU/Linux', release: '12' };

describe('identity', () => {
  test.each([
    '',
    '  ',
    '-',
    '0',
    '00000000',
    'None',
    'Default string',
    'To Be Filled By O.E.M.',
    'To be filled by O.E.M',
    'System Serial Number',
    'Not Specified',
    '0123456789',
    '..........',
    'unknown',
  ])('the placeholder "%s" is no fact', (text) => {
    const identity = identityOf('h', { manufacturer: text, model: text, serial: text }, debian);
    expect(identity).toEqual({
      hostname: 'h',
      manufacturer: undefined,
      model: undefined,
      serial: undefined,
      platform: 'Debian GNU/Linux 12',
    });
  });

  test('facts are kept, without blanks around them', () => {
    const hardware = { manufacturer: 'Dell Inc. ', model: 'PowerEdge R650', serial: '7XK0123' };
    expect(identityOf('h', hardware, debian)).toMatchObject({
      manufacturer: 'Dell Inc.',
      model: 'PowerEdge R650',
      serial: '7XK0123',
    });
  });

  test('an operating system that says nothing of itself goes by its kernel', () => {
    const hardware = { manufacturer: '', model: '', serial: '' };
    const silent = { distro: 'unknown', release: 'unknown' };
    expect(identityOf('h', hardware, silent).platform).toBe(os.type());
  });

  test('is read where no tool is installed', async () => {
    const searchPath = process.env.PATH;
    process.env.PATH = '/nonexistent';
    try {
      const identity = await readIdentity();
      expect(identity.hostname).toBe(os.hostname());
      expect(identity.platform).not.toBe('');
    } finally {
      process.env.PATH = searchPath;
    }
  });
});
