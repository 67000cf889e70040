import { parseNodeId } from '../bootstrap/node-id.ts'
import type { NodeInfo } from '../xds/resource.ts'
import type { Identity, Peer } from './transport.ts'

/** The node with what the server adds to it, or why it is not let in. */
export type Authorization = { readonly node: NodeInfo } | { readonly refused: string }

/**
 * Decides what a client may claim to be (docs/security.md).
 *
 * With a client certificate, the namespace and the workload must be among those the certificate names; what the node leaves
 * open is filled in from a certificate that names just one. Without one, every claim is taken, and secrets are given only to
 * this machine.
 */
export function authorize(node: NodeInfo, peer: Peer): Authorization {
  if (!peer.identities) return { node: { ...node, secretsAllowed: peer.local } }
  const claim = claimOf(node)
  const matching = peer.identities.filter((identity) => permits(identity, claim))
  if (matching.length === 0) {
    const names = peer.identities.map((identity) => identity.text).join(', ') || 'nobody'
    return {
      refused:
        `the node claims ${claimText(claim)}, but its certificate is for ${names}: ` +
        'let the node id or its metadata (NAMESPACE, SERVICE_ACCOUNT, WORKLOAD_NAME) say what the certificate says',
    }
  }
  const [only] = matching
  const filled =
    matching.length === 1 && only
      ? {
          ...(claim.namespace === undefined ? { NAMESPACE: only.namespace } : {}),
          ...(claim.serviceAccount === undefined && only.serviceAccount
            ? { SERVICE_ACCOUNT: only.serviceAccount }
            : {}),
        }
      : {}
  if (claim.namespace === undefined && !('NAMESPACE' in filled)) {
    return { refused: 'the certificate names several namespaces: say which one in the node metadata, as NAMESPACE' }
  }
  const metadata = Object.keys(filled).length > 0 ? { ...node.metadata, ...filled } : node.metadata
  return { node: { ...node, metadata, secretsAllowed: true } }
}

interface Claim {
  readonly namespace: string | undefined
  readonly serviceAccount: string | undefined
  readonly workload: string | undefined
  /** Two parts of the node say different things. */
  readonly contradiction: boolean
}

function claimOf(node: NodeInfo): Claim {
  const id = parseNodeId(node.id)
  const text = (key: string) => {
    const value = node.metadata[key]
    return typeof value === 'string' && value !== '' ? value : undefined
  }
  const namespace = text('NAMESPACE')
  return {
    namespace: namespace ?? id?.namespace,
    serviceAccount: text('SERVICE_ACCOUNT'),
    workload: text('WORKLOAD_NAME') ?? id?.name,
    contradiction: namespace !== undefined && id !== undefined && id.namespace !== namespace,
  }
}

function permits(identity: Identity, claim: Claim): boolean {
  if (claim.contradiction) return false
  if (claim.namespace !== undefined && claim.namespace !== identity.namespace) return false
  if (identity.serviceAccount !== undefined) {
    if (claim.serviceAccount !== undefined) return claim.serviceAccount === identity.serviceAccount
    return claim.workload === undefined || isInstance(claim.workload, identity.serviceAccount)
  }
  return claim.workload === undefined || isInstance(claim.workload, identity.workload ?? '')
}

/** `reviews` itself or one of its instances as deployments name them: `reviews-7d4b`, never another word (`reviewsx`). */
function isInstance(workload: string, name: string): boolean {
  return workload === name || workload.startsWith(`${name}-`)
}

function claimText({ namespace, serviceAccount, workload, contradiction }: Claim): string {
  if (contradiction) return 'two namespaces, one in its id and one in its metadata'
  const parts = [
    namespace === undefined ? '' : `namespace ${namespace}`,
    serviceAccount === undefined ? '' : `service account ${serviceAccount}`,
    workload === undefined ? '' : `workload ${workload}`,
  ]
  return parts.filter(Boolean).join(', ') || 'nothing'
}

/**
 * The identities in a certificate's subject alternative names, as `X509Certificate.subjectAltName` prints them:
 * `spiffe://<trust domain>/ns/<namespace>/sa/<service account>` and DNS names `<workload>.<namespace>[.…]`.
 * Anything else proves nothing we can compare a node with, and is left out.
 * @param trustDomain when given, SPIFFE ids of other domains are left out
 */
export function identitiesIn(subjectAltName: string | undefined, trustDomain?: string): readonly Identity[] {
  const identities: Identity[] = []
  for (const text of splitAltNames(subjectAltName ?? '')) {
    const spiffe = /^URI:spiffe:\/\/([^/]+)\/ns\/([^/]+)\/sa\/([^/]+)$/.exec(text)
    if (spiffe) {
      const [, domain, namespace, serviceAccount] = spiffe
      if (trustDomain && domain !== trustDomain) continue
      identities.push({ text: text.slice(4), namespace: namespace!, serviceAccount: serviceAccount! })
      continue
    }
    const dns = /^DNS:([a-z0-9-]+)\.([a-z0-9-]+)(\.[a-z0-9.-]+)?$/.exec(text)
    if (dns) identities.push({ text: text.slice(4), workload: dns[1]!, namespace: dns[2]! })
  }
  return identities
}

/** Node quotes a name that contains anything special as a JSON string, so that a comma in it cannot fake another name. */
function splitAltNames(text: string): readonly string[] {
  const names: string[] = []
  for (const match of text.matchAll(/([A-Za-z ]+):(?:("(?:[^"\\]|\\.)*")|([^,]*))(?:, |$)/g)) {
    const [, kind, quoted, plain] = match
    names.push(`${kind}:${quoted === undefined ? plain : JSON.parse(quoted)}`)
  }
  return names
}
