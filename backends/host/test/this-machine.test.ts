import { existsSync, readdirSync, readFileSync } from 'node:fs';
import os from 'node:os';
import { describe, expect, test } from 'vitest';
import { entitiesOf } from '../src/map/entities.ts';
import { readMachine } from '../src/read/read-machine.ts';
import { scopeSchema } from '../src/scope.ts';

const sysfs = '/sys/class/net';

describe('this machine', async () => {
  const machine = await readMachine();
  const addresses = Object.values(os.networkInterfaces()).flatMap((infos) => infos ?? []);

  test('goes by its host name', () => {
    expect(machine.identity.hostname).toBe(os.hostname());
  });

  test('shows every address that Node sees, with its prefix length', () => {
    const found = machine.addresses.map(({ cidr }) => cidr).sort();
    expect(found).toEqual(addresses.map(({ cidr }) => cidr).sort());
  });

  test('shows the MAC address that Node sees', () => {
    for (const [name, infos] of Object.entries(os.networkInterfaces())) {
      const mac = infos?.[0]?.mac;
      if (mac === '00:00:00:00:00:00') continue;
      expect(machine.links.find((link) => link.name === name)?.macAddress).toBe(mac);
    }
  });

  test.runIf(existsSync(sysfs))('shows every interface of the kernel, with its MTU', () => {
    const kernel = readdirSync(sysfs)
      .filter((name) => existsSync(`${sysfs}/${name}/mtu`))
      .map((name) => ({ name, mtu: Number(readFileSync(`${sysfs}/${name}/mtu`, 'utf8')) }));
    expect(machine.links.map(({ name, mtu }) => ({ name, mtu }))).toEqual(kernel);
  });

  test.runIf(existsSync('/proc/net/route'))('has its primary address where its default route leads', () => {
    const routes = readFileSync('/proc/net/route', 'utf8').split('\n').slice(1);
    const defaults = routes.map((line) => line.split('\t')).filter((fields) => fields[1] === '00000000');
    const links = defaults.map(([link]) => link);
    if (machine.primary.ipv4 === undefined) expect(links).toEqual([]);
    else expect(links).toContain(machine.primary.ipv4.link);
  });

  test('becomes one device, an interface each and an address each', () => {
    const kinds = entitiesOf(machine, scopeSchema.parse(null)).map((entity) => Object.keys(entity)[0]);
    expect(kinds).toEqual([
      'device',
      ...machine.links.map(() => 'interface'),
      ...machine.addresses.map(() => 'ip_address'),
    ]);
  });
});
