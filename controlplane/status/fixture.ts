import { FakeMesh } from '../../test/helpers/fake-mesh.ts'
import { type Answer, Engine, type EngineClient, lines } from '../../test/helpers/xds-engine.ts'
import type { Resource } from '../xds/resource.ts'
import { LastGood } from './last-good.ts'

/** A class with these resources, what its clients accepted and refused, and `up`: a client that has all its clusters. */
export function start(...resources: readonly Resource[]) {
  const mesh = new FakeMesh().put(...resources)
  let invalidate = () => {}
  const verdicts = new LastGood(
    () => invalidate(),
    () => 5,
  )
  const engine = new Engine(mesh, verdicts)
  invalidate = () => engine.log.invalidate()
  /** A round. */
  const publish = () => {
    mesh.publish()
    engine.log.refresh()
  }
  const up = (form: 'delta' | 'sotw', id: string) => {
    const client = engine.client(form, id)
    accept(client, client.ask('cds'))
    return client
  }
  return { mesh, engine, verdicts, publish, up }
}

/** Acknowledges until there is nothing more. @returns what came */
export function accept(client: EngineClient, answers: readonly Answer[]): Answer[] {
  const all = [...answers]
  for (const answer of all) all.push(...client.ack(answer))
  return all
}

/**
 * Answers as a client that refuses resources whose content begins with `bad`; `say` makes its error text.
 * @param names the client's list of names, said again with each answer
 * @returns what came
 */
export function judge(
  client: EngineClient,
  answers: readonly Answer[],
  say: (bad: readonly string[]) => string,
  names: readonly string[] = [],
): Answer[] {
  const all = [...answers]
  for (const answer of all) {
    const bad = answer.resources
      .filter((entry) => entry.split('=')[1]!.startsWith('bad'))
      .map((entry) => entry.split('=')[0]!)
    all.push(...(bad.length > 0 ? client.nack(answer, say(bad), names) : client.ack(answer, names)))
    if (all.length > 100) throw new Error(`it loops: ${lines(all).slice(0, 10).join('; ')}`)
  }
  return all
}

/** The error text of a client that names what it refused, as Envoy does of clusters. */
export const naming = (bad: readonly string[]) =>
  `Error adding/updating cluster(s) ${bad.map((name) => `${name}: no good`).join(', ')}`
/** One that names nobody. */
export const silent = () => 'Proto constraint validation failed'
