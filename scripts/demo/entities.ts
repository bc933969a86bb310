import { z } from 'zod';

const named = z.object({ name: z.string() });

/** What of a dry run's file the demo shows. */
const entitySchema = z.object({
  device: z
    .object({
      name: z.string(),
      device_type: z.object({ model: z.string(), manufacturer: named }),
      platform: named,
      serial: z.string().optional(),
      site: named,
      role: named,
      primary_ip4: z.object({ address: z.string() }).optional(),
      primary_ip6: z.object({ address: z.string() }).optional(),
    })
    .optional(),
  interface: z
    .object({
      name: z.string(),
      type: z.string(),
      enabled: z.boolean(),
      mtu: z.string().optional(),
      primary_mac_address: z.object({ mac_address: z.string() }).optional(),
    })
    .optional(),
  ip_address: z.object({ address: z.string(), assigned_object_interface: named }).optional(),
});

const fileSchema = z.object({ entities: z.array(entitySchema) });

export type DemoEntity = z.output<typeof entitySchema>;

/** The entities of files that a dry run wrote. */
export function readEntities(files: readonly string[]): DemoEntity[] {
  return files.flatMap((text) => fileSchema.parse(JSON.parse(text)).entities);
}
