import { type Certificate, type TestCa, testCa } from '../../helpers/certificates.ts'

/** Certificates that gateways show and check, and callers have. */
export interface Identities {
  readonly ca: TestCa
  readonly known: Certificate
  readonly stranger: Certificate
  /** Of gateways, by what they are called over SDS. */
  shown(name: string): Certificate
}

const SERVERS = ['kubernetes://c1', 'kubernetes://c2', 'kubernetes://c3', 'file-cert:/c/s.pem~/c/s.key']
const NAMES = { dns: ['caller.test'], uri: ['spiffe://mesh/ns/a/sa/caller'] }

export async function identities(): Promise<Identities> {
  const [ca, other] = await Promise.all([testCa(), testCa('other')])
  const shown = new Map<string, Certificate>()
  for (const name of SERVERS) shown.set(name, await ca.issue(name, {}))
  return {
    ca,
    known: await ca.issue('known', NAMES),
    stranger: await other.issue('stranger', NAMES),
    shown(name) {
      const certificate = shown.get(name)
      if (!certificate) throw new Error(`no gateway has a certificate ${name}`)
      return certificate
    },
  }
}
