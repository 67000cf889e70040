import { isIP } from 'node:net'

/** Whether an address (or `localhost`) is of this machine only; IPv4 in IPv6 counts as IPv4. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost') return true
  const kind = isIP(host)
  if (kind === 4) return host.startsWith('127.')
  return kind === 6 && (host === '::1' || /^::ffff:127\./i.test(host))
}
