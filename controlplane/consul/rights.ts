import type { ConsulHttp } from './http.ts'

/** Something a token must be allowed to read to see it in a list. */
export interface Readable {
  readonly resource: 'service' | 'node'
  readonly name: string
}

/** Questions of one call; Consul takes no more. */
const MOST_ASKED = 64
/** Of a list that lost thousands the first tell as much as all. */
const MOST_CALLS = 4

/**
 * Whether the token may read all of these. ACLs filter lists without a word, so that what may not be read any more looks like what is gone;
 * this is what Consul's own UI asks to know what to show (`/v1/internal/acl/authorize`). Undefined where Consul does not tell: without
 * ACLs, from versions without this question, or when it cannot be asked.
 */
export async function mayRead(
  http: ConsulHttp,
  wanted: readonly Readable[],
  query: Readonly<Record<string, string>> = {},
): Promise<boolean | undefined> {
  const names = new Map(wanted.map((one) => [`${one.resource}/${one.name}`, one]))
  const all = [...names.values()].slice(0, MOST_ASKED * MOST_CALLS)
  for (let at = 0; at < all.length; at += MOST_ASKED) {
    const asked = all.slice(at, at + MOST_ASKED)
    const body = JSON.stringify(
      asked.map(({ resource, name }) => ({ Resource: resource, Access: 'read', Segment: name })),
    )
    const call = { method: 'POST', path: '/v1/internal/acl/authorize', query, body } as const
    const answer = await http.send(call).catch(() => undefined)
    if (answer?.status !== 200) return undefined
    const told = allowed(http.parse(call, answer))
    if (told === undefined) return undefined
    if (!told) return false
  }
  return all.length === 0 ? undefined : true
}

function allowed(value: unknown): boolean | undefined {
  if (!Array.isArray(value)) return undefined
  const each = value.map((one) => (one as { Allow?: unknown } | null)?.Allow)
  return each.every((allow) => typeof allow === 'boolean') ? each.every(Boolean) : undefined
}
