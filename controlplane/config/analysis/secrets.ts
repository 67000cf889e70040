import type { Path } from '../../diagnostics/diagnostic.ts'
import { secretValue } from '../kinds/secret.ts'
import type { ConfigObject } from '../object.ts'
import { similar } from '../similar.ts'
import type { Check, Complain, World } from './world.ts'

/** What a TLS mode needs of a secret. */
interface Need {
  readonly certificate: boolean
  readonly authority: boolean
}

const CERTIFICATE = [
  ['tls.crt', 'tls.key'],
  ['cert', 'key'],
] as const
const AUTHORITY = ['ca.crt', 'cacert'] as const

/** Secrets that Gateways and DestinationRules name exist in their namespace and hold what the TLS mode needs. */
export const checkSecrets: Check = (world, complain) => {
  for (const gateway of world.of('Gateway')) {
    for (const [index, { tls }] of (gateway.spec.servers ?? []).entries()) {
      const path = ['spec', 'servers', index, 'tls']
      const mutual = tls?.mode === 'MUTUAL' || tls?.mode === 'OPTIONAL_MUTUAL'
      if (!tls || !(mutual || tls.mode === 'SIMPLE')) continue
      const need = { certificate: true, authority: mutual && !tls.caCertCredentialName }
      if (tls.credentialName) check(world, gateway, tls.credentialName, [...path, 'credentialName'], need, complain)
      for (const [at, name] of (tls.credentialNames ?? []).entries())
        check(world, gateway, name, [...path, 'credentialNames', at], need, complain)
      if (tls.caCertCredentialName)
        check(
          world,
          gateway,
          tls.caCertCredentialName,
          [...path, 'caCertCredentialName'],
          { certificate: false, authority: true },
          complain,
        )
    }
  }
  for (const rule of world.of('DestinationRule')) {
    const policies = [
      [['spec', 'trafficPolicy'], rule.spec.trafficPolicy] as const,
      ...(rule.spec.subsets ?? []).map(
        ({ trafficPolicy }, index) => [['spec', 'subsets', index, 'trafficPolicy'], trafficPolicy] as const,
      ),
    ]
    for (const [path, policy] of policies) {
      const parts = [
        [path, policy?.tls] as const,
        ...(policy?.portLevelSettings ?? []).map(({ tls }, at) => [[...path, 'portLevelSettings', at], tls] as const),
      ]
      for (const [at, tls] of parts) {
        const name = tls?.credentialName
        if (!name || (tls.mode !== 'SIMPLE' && tls.mode !== 'MUTUAL')) continue
        const need = { certificate: tls.mode === 'MUTUAL', authority: !tls.insecureSkipVerify }
        check(world, rule, name, [...at, 'tls', 'credentialName'], need, complain)
      }
    }
  }
}

function check(
  world: World,
  object: ConfigObject,
  reference: string,
  path: Path,
  need: Need,
  complain: Complain,
): void {
  const bare = reference.replace(/^kubernetes(?:-gateway)?:\/\//, '')
  const [scheme, rest] = bare.split('://')
  if (rest !== undefined) {
    const message = `nothing is served for ${scheme}://: certificates come from Secret documents only`
    complain(object, 'SECRET_NOT_FOUND', path, message, 'write the name of a Secret, or name files')
    return
  }
  const slash = bare.indexOf('/')
  const [namespace, name] = slash < 0 ? [object.namespace, bare] : [bare.slice(0, slash), bare.slice(slash + 1)]
  const authorityName = name.endsWith('-cacert')
  const secret = world.get('Secret', namespace, name)
  if (!secret) {
    const known = world
      .of('Secret')
      .map((one) => (one.namespace === object.namespace ? one.name : `${one.namespace}/${one.name}`))
    const message = world.absent('Secret', namespace, name)
    complain(
      object,
      'SECRET_NOT_FOUND',
      path,
      message,
      similar(name, known) ??
        (known.find((other) => other.endsWith(`/${name}`)) && 'a Secret is used in its own namespace only'),
    )
    return
  }
  const has = (key: string) => secretValue(secret.spec, key) !== undefined
  if (need.certificate && !authorityName && !CERTIFICATE.some((keys) => keys.every(has)))
    complain(object, 'SECRET_KEY_MISSING', path, `Secret ${name} has neither tls.crt and tls.key nor cert and key`)
  const second = world.get('Secret', namespace, `${name}-cacert`)
  if (need.authority && !AUTHORITY.some(has) && !second)
    complain(
      object,
      'SECRET_KEY_MISSING',
      path,
      `Secret ${name} has neither ca.crt nor cacert`,
      `add one of them, or a Secret ${name}-cacert`,
    )
}
