/** The text in lower case when it is a MAC address that says something; undefined for zeros, tunnels and InfiniBand. */
export function macAddressOf(text: string): string | undefined {
  const lower = text.trim().toLowerCase();
  const wellFormed = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(lower);
  return wellFormed && lower !== '00:00:00:00:00:00' ? lower : undefined;
}
