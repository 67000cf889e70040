import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import type { ConfigObject } from '../../controlplane/config/object.ts'
import { type CompiledMesh, createMesh } from '../../controlplane/mesh.ts'
import { expandShortName } from '../../controlplane/model/hosts.ts'
import type { ClassView } from '../../controlplane/xds/class-view.ts'
import { casesFolder } from './cases.ts'
import { configObjects } from './objects.ts'

/** A mesh of the objects of a text, and of services for every host they send to without declaring it. */
export interface SampleMesh {
  readonly mesh: CompiledMesh
  readonly objects: ReadonlyMap<string, ConfigObject>
  sidecar(namespace?: string, labels?: Record<string, string>): ClassView
  /** A gateway whose labels fit every Gateway of the text. */
  gateway(namespace?: string): ClassView
}

export function sampleFile(name: string): string | undefined {
  const folder = casesFolder('istio-samples')
  return folder && readFileSync(join(folder, name), 'utf8')
}

/**
 * Builds the mesh. The samples lean on Kubernetes Services: each host (and subset) that is used but not declared gets a
 * ServiceEntry with one endpoint a subset, and a DestinationRule where subsets are missing.
 */
export function sampleMesh(yaml: string, options: { readonly declare?: boolean } = {}): SampleMesh {
  const own = configObjects(yaml)
  const objects = new Map([...own, ...(options.declare === false ? [] : configObjects(declarations(own)))])
  const mesh = createMesh({
    onFailure: (type, name, error) => {
      throw new Error(`${type} ${name} cannot be compiled`, { cause: error })
    },
  })
  mesh.commit(objects)
  const view = (type: string, namespace: string, labels: Record<string, string>) =>
    mesh.view({
      id: `${type}~127.0.0.1~test.${namespace}~${namespace}.svc.cluster.local`,
      cluster: 'test',
      metadata: { LABELS: labels },
      locality: { region: '', zone: '', subZone: '' },
      userAgent: 'envoy',
      protocol: 'delta',
      secretsAllowed: true,
    })
  const selectors = [...own.values()].flatMap(({ kind, spec }) =>
    kind === 'Gateway' ? [(spec as { selector?: Record<string, string> }).selector ?? {}] : [],
  )
  return {
    mesh,
    objects,
    sidecar: (namespace = 'default', labels = {}) => view('sidecar', namespace, labels),
    gateway: (namespace = 'default') => view('router', namespace, Object.assign({}, ...selectors)),
  }
}

interface Use {
  readonly ports: Set<number>
  readonly subsets: Set<string>
}

/** Documents that declare every host these objects send to without declaring it. */
export function declarations(objects: ReadonlyMap<string, ConfigObject>): string {
  const declared = new Set<string>()
  const rules = new Set<string>()
  const used = new Map<string, Use>()
  const use = (host: string, namespace: string): Use => {
    const full = expandShortName(host, namespace, 'cluster.local')
    const known = used.get(full) ?? { ports: new Set(), subsets: new Set() }
    used.set(full, known)
    return known
  }
  for (const { kind, spec, namespace } of objects.values()) {
    const body = spec as Record<string, never>
    if (kind === 'ServiceEntry') for (const host of (body['hosts'] ?? []) as string[]) declared.add(host)
    if (kind === 'DestinationRule') {
      const { host, subsets = [] } = body as unknown as { host: string; subsets?: { name: string }[] }
      if (!host.startsWith('*'))
        for (const { name } of [...subsets, { name: '' }]) use(host, namespace).subsets.add(name)
      rules.add(expandShortName(host, namespace, 'cluster.local'))
    }
    for (const target of destinations(spec)) {
      const entry = use(target.host, namespace)
      if (target.port) entry.ports.add(target.port.number)
      if (target.subset) entry.subsets.add(target.subset)
    }
  }
  const texts: string[] = []
  for (const [host, { ports, subsets }] of used) {
    const names = [...subsets].filter(Boolean)
    if (!declared.has(host)) texts.push(stringify(serviceEntry(host, ports.size > 0 ? [...ports] : [80], names)))
    if (names.length > 0 && !rules.has(host)) texts.push(stringify(destinationRule(host, names)))
  }
  return texts.join('---\n')
}

function destinations(value: unknown): readonly { host: string; subset?: string; port?: { number: number } }[] {
  if (Array.isArray(value)) return value.flatMap(destinations)
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, item]) =>
    key === 'destination' || key === 'mirror' ? [item as { host: string }] : destinations(item),
  )
}

/** Ports used by TCP and TLS samples are TCP, all others HTTP. */
function serviceEntry(host: string, ports: readonly number[], subsets: readonly string[]): object {
  const tcp = new Set([9000, 15012, 443])
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'ServiceEntry',
    metadata: { name: `declared-${host.replaceAll(/[.*]/g, '-')}` },
    spec: {
      hosts: [host],
      ports: ports.map((number) => ({ number, name: `p${number}`, protocol: tcp.has(number) ? 'TCP' : 'HTTP' })),
      resolution: 'STATIC',
      location: 'MESH_INTERNAL',
      endpoints: (subsets.length > 0 ? subsets : ['v1']).map((version, index) => ({
        address: `127.0.1.${index + 1}`,
        labels: { version },
      })),
    },
  }
}

function destinationRule(host: string, subsets: readonly string[]): object {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: { name: `declared-${host.replaceAll('.', '-')}` },
    spec: { host, subsets: subsets.map((name) => ({ name, labels: { version: name } })) },
  }
}
