import { dirname } from 'node:path'
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { DataSourceSchema } from '../../proto/gen/envoy/config/core/v3/base_pb.ts'
import { type Secret, SecretSchema } from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts'
import { make } from '../../proto/make.ts'
import type { DestinationRuleSpec } from '../config/kinds/destination-rule.ts'
import type { GatewaySpec } from '../config/kinds/gateway.ts'
import type { MeshSpec } from '../config/kinds/mesh.ts'
import type { SecretSpec } from '../config/kinds/secret.ts'
import type { SidecarSpec } from '../config/kinds/sidecar.ts'
import type { ConfigObject, Origin } from '../config/object.ts'
import type { ProxyClass } from '../model/index.ts'
import type { World } from '../model/world.ts'

type SecretObject = ConfigObject<SecretSpec>

export interface CompiledSecret {
  readonly message: Secret
  readonly origins: readonly Origin[]
}

/**
 * A secret by its SDS name, or undefined when it does not exist or this class may not have it. `kubernetes://<name>` is a
 * Secret of the proxy's own namespace and never of another (CVE-2021-34824 is what happens otherwise); `file-cert:` and
 * `file-root:` name files of the proxy's machine, so nothing secret is sent for them.
 */
export function compileSecret(world: World, proxy: ProxyClass, name: string): CompiledSecret | undefined {
  const files = fileSecret(name)
  if (files) return { message: files, origins: usersOfFile(world, /^[^:]+:([^~]+)/.exec(name)![1]!) }
  const credential = /^kubernetes:\/\/(?:([^/]+)\/)?([^/]+)$/.exec(name)
  if (!credential || !proxy.secretsAllowed) return undefined
  const [, namespace = proxy.namespace, secretName] = credential as unknown as [string, string | undefined, string]
  if (namespace !== proxy.namespace) return undefined
  const secrets = world.inNamespace<SecretSpec>('Secret', namespace)
  return secretName.endsWith('-cacert') ? caSecret(secrets, name, secretName) : keyPair(secrets, name, secretName)
}

/** SDS names a class could ask for, for dumps: the Secrets of its namespace. */
export function secretNames(world: World, proxy: ProxyClass): readonly string[] {
  if (!proxy.secretsAllowed) return []
  return world.inNamespace<SecretSpec>('Secret', proxy.namespace).flatMap((secret) => {
    const keyed = value(secret, 'tls.crt', 'cert') && value(secret, 'tls.key', 'key')
    return [
      ...(keyed ? [`kubernetes://${secret.name}`] : []),
      ...(value(secret, 'ca.crt', 'cacert') ? [`kubernetes://${secret.name.replace(/-cacert$/, '')}-cacert`] : []),
    ]
  })
}

function keyPair(secrets: readonly SecretObject[], name: string, secretName: string): CompiledSecret | undefined {
  const secret = secrets.find((candidate) => candidate.name === secretName)
  const certificate = secret && value(secret, 'tls.crt', 'cert')
  const key = secret && value(secret, 'tls.key', 'key')
  if (!certificate || !key) return undefined
  const message = make(SecretSchema, {
    name,
    type: {
      case: 'tlsCertificate',
      value: { certificateChain: inline(certificate), privateKey: inline(key) },
    },
  })
  return { message, origins: [{ object: secret, path: ['metadata', 'name'] }] }
}

/** CA certificates: a Secret of exactly this name, else `ca.crt` of the one without the suffix. */
function caSecret(secrets: readonly SecretObject[], name: string, secretName: string): CompiledSecret | undefined {
  const plain = secretName.slice(0, -'-cacert'.length)
  const secret =
    secrets.find((candidate) => candidate.name === secretName && value(candidate, 'ca.crt', 'cacert', 'tls.crt')) ??
    secrets.find((candidate) => candidate.name === plain && value(candidate, 'ca.crt', 'cacert'))
  if (!secret) return undefined
  const certificates =
    value(secret, 'ca.crt', 'cacert') ?? (secret.name === secretName ? value(secret, 'tls.crt') : undefined)
  const revoked = value(secret, 'ca.crl', 'crl')
  const message = make(SecretSchema, {
    name,
    type: {
      case: 'validationContext',
      value: { trustedCa: inline(certificates!), ...(revoked && { crl: inline(revoked) }) },
    },
  })
  return { message, origins: [{ object: secret, path: ['metadata', 'name'] }] }
}

/** `file-cert:<certificate>~<key>` and `file-root:<ca>[~<crl>]`: Envoy reads the files, and again when their folder changes. */
function fileSecret(name: string): Secret | undefined {
  const pair = /^file-cert:([^~]+)~([^~]+)$/.exec(name)
  if (pair) {
    const [, certificate, key] = pair as unknown as [string, string, string]
    return make(SecretSchema, {
      name,
      type: {
        case: 'tlsCertificate',
        value: {
          certificateChain: file(certificate),
          privateKey: file(key),
          watchedDirectory: { path: dirname(certificate) },
        },
      },
    })
  }
  const root = /^file-root:([^~]+)(?:~(.+))?$/.exec(name)
  if (!root) return undefined
  const [, ca, crl] = root as unknown as [string, string, string | undefined]
  return make(SecretSchema, {
    name,
    type: {
      case: 'validationContext',
      value: {
        trustedCa: file(ca),
        watchedDirectory: { path: dirname(ca) },
        ...(crl && { crl: file(crl) }),
      },
    },
  })
}

/** Where documents name a file: the place to show when a proxy cannot read it. */
function usersOfFile(world: World, path: string): readonly Origin[] {
  const objects: readonly ConfigObject[] = [
    ...world.all<GatewaySpec>('Gateway'),
    ...world.all<DestinationRuleSpec>('DestinationRule'),
    ...world.all<SidecarSpec>('Sidecar'),
    ...world.all<MeshSpec>('Mesh'),
  ]
  return objects.flatMap((object) => pathsOf(object.spec, path, ['spec']).map((where) => ({ object, path: where })))
}

/** Paths of all strings that equal `wanted`. */
function pathsOf(value: unknown, wanted: string, path: Origin['path']): readonly Origin['path'][] {
  if (value === wanted) return [path]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, item]) =>
    pathsOf(item, wanted, [...path, Array.isArray(value) ? Number(key) : key]),
  )
}

/** The first of several keys a Secret has a value for; Istio accepts two spellings of each. */
function value(secret: SecretObject, ...keys: readonly string[]): Uint8Array | undefined {
  for (const key of keys) {
    const plain = secret.spec.stringData?.[key]
    if (plain) return Buffer.from(plain, 'utf8')
    const encoded = secret.spec.data?.[key]
    if (encoded) return Buffer.from(encoded, 'base64')
  }
  return undefined
}

function inline(bytes: Uint8Array): MessageInitShape<typeof DataSourceSchema> {
  return { specifier: { case: 'inlineBytes', value: bytes } }
}

function file(filename: string): MessageInitShape<typeof DataSourceSchema> {
  return { specifier: { case: 'filename', value: filename } }
}
