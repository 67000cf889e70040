import type { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { aboutDates, bundleValidity, certificatesIn, chainValidity } from '../../../certificates/validity.ts'
import type { Path } from '../../diagnostics/diagnostic.ts'
import { AUTHORITY_KEYS, CERTIFICATE_KEYS, secretValue, valuePath } from '../kinds/secret.ts'
import { type Check, type Of, place, type World } from './world.ts'

const PEM = new WeakMap<object, ReadonlyMap<string, readonly X509Certificate[]>>()

/** The certificates of a Secret by the key they stand under, read once for each version of the document. */
function certificatesOf({ spec }: Of<'Secret'>): ReadonlyMap<string, readonly X509Certificate[]> {
  let known = PEM.get(spec)
  if (!known) {
    known = new Map(
      [...CERTIFICATE_KEYS, ...AUTHORITY_KEYS].flatMap((key) => {
        const found = certificatesIn(secretValue(spec, key) ?? '')
        return found.length > 0 ? [[key, found] as const] : []
      }),
    )
    PEM.set(spec, known)
  }
  return known
}

function isAuthority(key: string): boolean {
  return (AUTHORITY_KEYS as readonly string[]).includes(key)
}

/** When the certificate that a Secret's private key is for ends, ms since the epoch. */
export function secretUntil(secret: Of<'Secret'>): number | undefined {
  const [pair] = [...certificatesOf(secret)].filter(([key]) => !isAuthority(key))
  return pair && chainValidity(pair[1])?.until
}

/** Certificates in Secrets are valid now, and for some time. */
export const checkCertificateDates: Check = (world, complain) => {
  for (const secret of world.of('Secret'))
    for (const [key, certificates] of certificatesOf(secret)) {
      const validity = (isAuthority(key) ? bundleValidity : chainValidity)(certificates)
      const about = validity && aboutDates(validity, world.now)
      if (!about) continue
      const path = ['spec', ...valuePath(secret.spec, key)]
      complain(secret, about.valid ? 'CERTIFICATE_EXPIRES' : 'CERTIFICATE_NOT_VALID', path, about.text)
    }
}

/** The certificates a server of a gateway shows are for its hosts: with others clients end the handshake. */
export const checkCertificateHosts: Check = (world, complain) => {
  for (const gateway of world.of('Gateway'))
    for (const [index, { tls, hosts }] of (gateway.spec.servers ?? []).entries()) {
      if (tls?.mode !== 'SIMPLE' && tls?.mode !== 'MUTUAL' && tls?.mode !== 'OPTIONAL_MUTUAL') continue
      const names = tls.credentialNames?.length ? tls.credentialNames : [tls.credentialName ?? '']
      const secrets = names.map((name) => secretOf(world, gateway.namespace, name))
      const leaves = secrets.flatMap((secret) => (secret && leafOf(secret)) ?? [])
      // One that is missing may be for the host: that is told already.
      if (leaves.length < names.length) continue
      for (const [at, host] of hosts.entries()) {
        const name = host.slice(host.indexOf('/') + 1).toLowerCase()
        if (name === '*' || leaves.some((leaf) => isFor(leaf, name))) continue
        const path: Path = ['spec', 'servers', index, 'hosts', at]
        const held = [...new Set(leaves.flatMap(namesOf))].join(', ') || 'no name'
        const where = secrets.map((secret) => `${secret!.name}, ${place(secret!)}`).join('; ')
        complain(
          gateway,
          'GATEWAY_CERTIFICATE_HOST',
          path,
          `the certificate for ${name} is for ${held} (Secret ${where})`,
        )
      }
    }
}

function secretOf(world: World, namespace: string, reference: string): Of<'Secret'> | undefined {
  const bare = reference.replace(/^kubernetes(?:-gateway)?:\/\//, '')
  const slash = bare.indexOf('/')
  return slash < 0
    ? world.get('Secret', namespace, bare)
    : world.get('Secret', bare.slice(0, slash), bare.slice(slash + 1))
}

function leafOf(secret: Of<'Secret'>): X509Certificate | undefined {
  return [...certificatesOf(secret)].find(([key]) => !isAuthority(key))?.[1][0]
}

function namesOf(leaf: X509Certificate): readonly string[] {
  const alternatives = leaf.subjectAltName?.split(', ').map((name) => name.replace(/^(?:DNS|IP Address):/, ''))
  // Without alternatives some clients still look at the common name.
  return alternatives ?? [/^CN=(.*)$/m.exec(leaf.subject)?.[1] ?? []].flat()
}

/** Whether clients that ask for the host take the certificate; for a wildcard: whether some of those it stands for do. */
function isFor(leaf: X509Certificate, host: string): boolean {
  if (!host.startsWith('*')) return (isIP(host) ? leaf.checkIP(host) : leaf.checkHost(host)) !== undefined
  return namesOf(leaf).some((name) => name.toLowerCase().endsWith(host.slice(1)))
}
