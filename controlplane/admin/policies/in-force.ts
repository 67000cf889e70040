import type { ConfigObject } from '../../config/object.ts'
import type { AdminContext } from '../context.ts'
import { type Policy, policiesOf } from './policies.ts'

// Objects are a new map after each reading, and the same one until then.
const known = new WeakMap<ReadonlyMap<string, ConfigObject>, readonly Policy[]>()

/** What the rules in force do, in order of precedence of their documents; worked out once after each reading. */
export function policiesInForce({
  config: { objects },
  mesh,
}: Pick<AdminContext, 'config' | 'mesh'>): readonly Policy[] {
  const there = known.get(objects)
  if (there) return there
  const policies = policiesOf(objects, mesh.model.settings().domain)
  known.set(objects, policies)
  return policies
}
