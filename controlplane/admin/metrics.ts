import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { LiveConfig } from '../live-config.ts'
import type { CompiledMesh } from '../mesh.ts'
import type { Sources } from './sources.ts'

/** A registry with the metrics of the process and of the configuration; names are istiod's where the meaning is the same. */
export function createMetrics(version: string, config: LiveConfig, mesh: CompiledMesh): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  new Gauge({ name: 'pilot_info', help: 'Version of the control plane.', labelNames: ['version'], registers })
    .labels(version)
    .set(1)
  new Gauge({
    name: 'pilot_services',
    help: 'Services in the registry.',
    registers,
    collect() {
      this.set(mesh.model.registry.services().length)
    },
  })
  new Gauge({
    name: 'meshgate_config_objects',
    help: 'Objects in force, by kind.',
    labelNames: ['kind'],
    registers,
    collect() {
      this.reset()
      for (const { kind } of config.objects.values()) this.labels(kind).inc()
    },
  })
  new Gauge({
    name: 'meshgate_config_diagnostics',
    help: 'Complaints about the configuration, by severity.',
    labelNames: ['severity'],
    registers,
    collect() {
      for (const severity of ['error', 'warning', 'info']) this.labels(severity).set(0)
      for (const { severity } of config.diagnostics()) this.labels(severity).inc()
    },
  })
  return registry
}

/** How registries are doing: how old what they told is, and what of it waits to be confirmed. */
export function sourceMetrics(registry: Registry, sources: Sources): void {
  const gauge = (name: string, help: string, value: (state: ReturnType<Sources['states']>[number]) => number) =>
    new Gauge({
      name,
      help,
      labelNames: ['source'],
      registers: [registry],
      collect() {
        this.reset()
        for (const state of sources.states()) this.labels(state.name).set(value(state))
      },
    })
  gauge('meshgate_source_up', 'Whether a registry answers.', ({ state }) => (state === 'lost' ? 0 : 1))
  gauge(
    'meshgate_source_age_seconds',
    'How old what is served from a registry may be; 0 while it answers.',
    ({ ageMs }) => ageMs / 1000,
  )
  gauge('meshgate_source_services', 'Services a registry has.', ({ services }) => services)
  gauge('meshgate_source_followed', 'Services of a registry that are followed.', ({ followed }) => followed)
  gauge('meshgate_source_instances', 'Instances of those.', ({ instances }) => instances)
  gauge('meshgate_source_held', 'Lists of a registry that wait to be confirmed.', ({ held }) => held.length)
  gauge('meshgate_source_requests', 'Requests made to a registry.', ({ requests }) => requests)
}
