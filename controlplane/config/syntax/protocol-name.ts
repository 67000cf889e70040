// Aeraki names ports `tcp-metaprotocol-<protocol>`, and `tcp-<protocol>` for the protocols it knew first:
// https://www.aeraki.net/docs/v1.x/tutorials/implement-a-custom-protocol/
const AERAKI = /^tcp-(?:metaprotocol-)?([^-]+)/
const META_PROTOCOL = /^tcp-metaprotocol-([^-]+)/

/** The protocol a port's name begins with: `<protocol>[-suffix]`, or one of Aeraki's forms; in lower case. */
export function portProtocolName(name: string): string {
  const lower = name.toLowerCase()
  return AERAKI.exec(lower)?.[1] ?? lower.split('-', 1)[0]!
}

/** The protocol of a port named `tcp-metaprotocol-<protocol>`, which can be nothing else. */
export function metaProtocolName(name: string): string | undefined {
  return META_PROTOCOL.exec(name.toLowerCase())?.[1]
}
