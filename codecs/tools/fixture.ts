import { expect } from 'vitest'
import { checkProtocol } from './check.ts'
import { newProtocol } from './new.ts'
import type { AnswerTexts } from './questions.ts'

/** The codec that answers make; they fit together. */
export function codecOf(answers: AnswerTexts) {
  const text = newProtocol(answers)
  const { protocols, errors, warnings } = checkProtocol(text)
  expect([errors, warnings], text + JSON.stringify(protocols[0]!.issues)).toEqual([0, 0])
  return protocols[0]!.codec!
}
