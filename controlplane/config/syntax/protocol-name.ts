const AERAKI = /^tcp-metaprotocol-([^-]+)/

/** The protocol a port's name begins with: `<protocol>[-suffix]`, or Aeraki's `tcp-metaprotocol-<protocol>[-suffix]`; in lower case. */
export function portProtocolName(name: string): string {
  const lower = name.toLowerCase()
  return AERAKI.exec(lower)?.[1] ?? lower.split('-', 1)[0]!
}

/** The protocol of a port named in Aeraki's way, which can be nothing else. */
export function metaProtocolName(name: string): string | undefined {
  return AERAKI.exec(name.toLowerCase())?.[1]
}
