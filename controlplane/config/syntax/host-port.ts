/** `10.0.0.5:18081`, `limits.local:18081` or `[::1]:18081`; undefined when it is none of these. */
export function parseHostPort(text: string): { readonly host: string; readonly port: number } | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  return match && port >= 1 && port <= 65_535 ? { host: match[1] ?? match[2]!, port } : undefined
}
