import type { ResourceType } from '../../proto/types.ts'

/**
 * Which of `names` a client's error text blames. The texts are not an interface and differ between clients:
 *
 * - Envoy CDS, LDS: `Error adding/updating cluster(s) a: why, b: why`
 * - gRPC: `… [resource index 0: a: INVALID_ARGUMENT: …]`
 * - others: the name somewhere, mostly in quotes
 *
 * The reason given for one name may itself contain another, so the list forms are tried before the mere mention.
 * @returns in the order of `names`; empty when the text names none of them
 */
export function namedIn(text: string, names: readonly string[]): readonly string[] {
  for (const form of FORMS) {
    const found = names.filter((name) => name !== '' && occurs(text, name, form))
    if (found.length > 0) return found
  }
  return []
}

/**
 * The part of a list form that is about `name`; the whole text when it is no list.
 * @param names all that the text blames
 */
export function reasonFor(text: string, name: string, names: readonly string[]): string {
  const starts = names.map((one) => ({ one, at: listed(text, one) })).filter(({ at }) => at >= 0)
  const start = starts.find(({ one }) => one === name)?.at
  if (start === undefined) return text
  const reason = start + name.length + 2
  const next = Math.min(text.length, ...starts.map(({ at }) => at).filter((at) => at > start))
  return text.slice(reason, next).replace(/[,;\s]+$/, '') || text
}

/**
 * Whether a reason is the machine's and not the resource's: an address that is in use there, is not one of its own, or may not be taken by
 * this user. Envoy tells it in words only, the same in every version.
 * @see https://github.com/envoyproxy/envoy/blob/main/source/common/network/listen_socket_impl.cc
 */
export function isOfMachine({ type }: { readonly type: ResourceType }, reason: string): boolean {
  return type === 'lds' && reason.startsWith("cannot bind '")
}

function listed(text: string, name: string): number {
  for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + 1)) {
    const before = text.slice(Math.max(0, at - 24), at)
    if (FORMS[0]!(name, before, text.slice(at + name.length, at + name.length + 4))) return at
  }
  return -1
}

type Form = (name: string, before: string, after: string) => boolean

const FORMS: readonly Form[] = [
  (_name, before, after) =>
    (/\(s\) $/.test(before) || before.endsWith(', ') || /resource index \d+: $/.test(before)) && after.startsWith(': '),
  (_name, before, after) => /["'`]$/.test(before) && /^["'`]/.test(after),
  (name, before, after) => !IN_NAMES.test(before.slice(-1)) && !continues(after) && !/^[a-z]+$/i.test(name),
]

/** Characters resource names are made of; a name inside a longer one is no mention. */
const IN_NAMES = /[\w|~/@%*-]|\./

/** `a.` ends a sentence, `a.b` goes on. */
function continues(after: string): boolean {
  return after[0] === '.' || after[0] === ':' ? /^[.:][\w|]/.test(after) : IN_NAMES.test(after.slice(0, 1))
}

function occurs(text: string, name: string, form: Form): boolean {
  for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + 1)) {
    const before = text.slice(Math.max(0, at - 24), at)
    if (form(name, before, text.slice(at + name.length, at + name.length + 4))) return true
  }
  return false
}
