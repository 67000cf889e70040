import type { Scope } from '../model/scope.ts'
import { generationName } from './names.ts'

/** What a cluster is called on the wire for the proxies of a class at present. */
export function wireName({ generation }: Pick<Scope, 'generation'>, cluster: string): string {
  return generation ? generationName(cluster, generation(cluster)) : cluster
}
