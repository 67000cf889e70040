import type { Rule, Service } from '../api/schema.ts'
import { speaksOf } from '../parts/speaks-of.ts'
import type { Template } from './templates.ts'

const NAME = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/
const FILE = /^[^/].*\.ya?ml$/

/** What a person has said of a new rule; the rest follows from template and host. */
export interface Given {
  readonly name?: string
  readonly namespace?: string
  readonly file?: string
}

/** A rule that is to be made: its name and where it is written. */
export interface NewRule {
  readonly name: string
  readonly namespace: string
  readonly file: string
  /** `<kind>/<namespace>/<name>` */
  readonly key: string
  /** Why it cannot be made yet. */
  readonly wrong: 'host' | 'taken' | 'noName' | 'name' | 'file' | undefined
  /** Why its name cannot be used; one that is not there yet is not complained about. */
  readonly wrongName: 'taken' | 'name' | undefined
  /** A rule of the same kind that speaks of the host already. */
  readonly other: Rule | undefined
}

/**
 * What becomes of a template for a host. The name is that of the host, with a number where a rule has it already; the namespace that of the
 * service.
 * @param services that are known
 * @param rules that are in force
 */
export function newRule(
  { kind, hostless }: Pick<Template, 'kind' | 'hostless'>,
  host: string,
  given: Given,
  services: readonly Pick<Service, 'hostname' | 'namespace'>[],
  rules: readonly Rule[],
): NewRule {
  const namespace = given.namespace ?? services.find(({ hostname }) => hostname === host)?.namespace ?? 'default'
  const keyOf = (name: string) => `${kind}/${namespace}/${name}`
  const isTaken = (name: string) => rules.some(({ key }) => key === keyOf(name))
  const stem = hostless ? '' : (host.split('.')[0] || '').replace(/^\*$/, 'all')
  const name = given.name ?? freeName(stem, isTaken)
  const file = given.file ?? `${kind.toLowerCase()}-${name || 'new'}.yaml`
  const wrongName = isTaken(name) ? 'taken' : name !== '' && !NAME.test(name) ? 'name' : undefined
  const needsHost = host === '' && !hostless
  const wrong = needsHost ? 'host' : (wrongName ?? (name === '' ? 'noName' : FILE.test(file) ? undefined : 'file'))
  const other =
    kind === 'DestinationRule' || kind === 'VirtualService'
      ? rules.find((rule) => rule.kind === kind && speaksOf(rule, host))
      : undefined
  return { name, namespace, file, key: keyOf(name), wrong, wrongName, other }
}

/** A name no rule has yet: itself, or with a number behind. */
function freeName(stem: string, isTaken: (name: string) => boolean): string {
  let name = stem
  for (let i = 2; stem !== '' && isTaken(name); i++) name = `${stem}-${i}`
  return name
}
