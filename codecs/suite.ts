import { describe, test } from 'vitest'
import type { Codec } from './contract.ts'
import { mutate, mutateAbsent } from './suite/changes.ts'
import { idAt, idRestored, sharedIds } from './suite/ids.ts'
import { lengthLies, mutatedFrames, randomBytes } from './suite/lies.ts'
import { anywhere, cutOff, cutting, fieldsInside, figures, wholeFrames } from './suite/reading.ts'
import { replies } from './suite/replies.ts'
import { type Property, type SuiteOptions, subjectOf } from './suite/subject.ts'

export type { SuiteOptions } from './suite/subject.ts'

const promises: readonly Property[] = [
  figures,
  wholeFrames,
  cutting,
  cutOff,
  anywhere,
  fieldsInside,
  idAt,
  idRestored,
  sharedIds,
  mutate,
  mutateAbsent,
  replies,
]

const lies: readonly Property[] = [lengthLies, randomBytes, mutatedFrames]

/**
 * Declares the tests of what must hold for every codec, declarative or written by hand; the rules are those of `Codec`. A codec of one's own is tested with
 * these lines, under vitest:
 *
 *   codecSuite('mine', codec, frames)
 *
 * @param known whole valid frames, as varied as can be had
 */
export function codecSuite(name: string, codec: Codec, known: readonly Uint8Array[], options: SuiteOptions = {}): void {
  const subject = subjectOf(codec, known, options)
  const declare = (properties: readonly Property[]) => {
    for (const { promise, concerns, check } of properties)
      if (concerns?.(subject) ?? true) test(promise, () => check(subject))
  }
  describe(`${name}: promises of every codec`, () => declare(promises))
  describe(`${name}: bytes of a peer that lies or is broken`, () => declare(lies))
}
