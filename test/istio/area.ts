import type { Random } from '../../codecs/mutated.ts'
import type { Answered, Question } from './question.ts'

/** Something both sides answer differently. */
export interface Difference {
  /** Of the question. */
  readonly id: string
  /** What differs, without names and numbers of this one mesh: equal differences are counted together. */
  readonly kind: string
  /** What Istio's does, what ours does, for a person. */
  readonly text: string
}

/**
 * One part of the promise that is compared: how meshes are drawn for it, and how two answers are held against each other. An area is a
 * file in `areas/`, named there in `index.ts`; it shares nothing with other areas but what stands in this folder itself.
 */
export interface Area<Asked extends Question = Question> {
  /** A mesh. The same numbers draw the same mesh; hosts, names and values come from small pools, so that they meet. */
  draw(any: Random, id: string): Asked
  /** Holds answers against each other, many at a time so that they may share what is costly (an Envoy). */
  compare(answered: readonly Answered<Asked>[]): Promise<readonly Difference[]>
}

/** One of a list. */
export function oneOf<One>(any: Random, list: readonly One[]): One {
  return list[any(list.length)]!
}

/** Each with a chance of one in `n`. */
export function someOf<One>(any: Random, list: readonly One[], n = 2): readonly One[] {
  return list.filter(() => any(n) === 0)
}

/** A document of Istio's as text. */
export function istioDocument(
  kind: string,
  name: string,
  namespace: string,
  spec: object,
  metadata: object = {},
): string {
  const group = /Policy$|Authentication$/.test(kind) ? 'security' : 'networking'
  return JSON.stringify({ apiVersion: `${group}.istio.io/v1`, kind, metadata: { name, namespace, ...metadata }, spec })
}
