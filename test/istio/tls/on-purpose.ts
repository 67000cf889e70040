import type { Probe, TlsQuestion } from './draw.ts'

/**
 * What we do otherwise on purpose, so that it is no difference: a TLS rule takes of its names those that the server exposes
 * (`sniHosts` in docs/kinds.md). In Istio a rule that is for more names than its server takes them all.
 */
export function isOnPurpose(question: TlsQuestion, { port, sni }: Probe): boolean {
  const exposed = serversOf(question)
    .filter((server) => server.port.number === port && server.tls?.mode === 'PASSTHROUGH')
    .flatMap(({ hosts }) => hosts.map((host) => host.slice(host.indexOf('/') + 1)))
  return claims(question).some(
    (claim) =>
      (sni === undefined ? claim === '*' : takes(claim, sni)) && !exposed.some((pattern) => takes(pattern, claim)),
  )
}

interface Spec {
  readonly servers?: readonly {
    readonly port: { readonly number: number }
    readonly hosts: readonly string[]
    readonly tls?: { readonly mode: string }
  }[]
  readonly tls?: readonly { readonly match: readonly { readonly sniHosts: readonly string[] }[] }[]
}

function specs({ documents }: TlsQuestion, wanted: string): readonly Spec[] {
  return documents.flatMap((text) => {
    const { kind, spec } = JSON.parse(text) as { kind: string; spec: Spec }
    return kind === wanted ? [spec] : []
  })
}

function serversOf(question: TlsQuestion) {
  return specs(question, 'Gateway').flatMap(({ servers = [] }) => servers)
}

function claims(question: TlsQuestion): readonly string[] {
  return specs(question, 'VirtualService').flatMap(({ tls = [] }) =>
    tls.flatMap(({ match }) => match.flatMap(({ sniHosts }) => sniHosts)),
  )
}

/** Whether a host takes a name, or all names of another host. */
function takes(host: string, name: string): boolean {
  return host === '*' || host === name || (host.startsWith('*') && name.endsWith(host.slice(1)))
}
