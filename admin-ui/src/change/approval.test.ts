import { describe, expect, it } from 'vitest'
import type { Plan } from '../api/schema.ts'
import { approvalOf, isStuck } from './approval.ts'

const meaning = (object: string, danger: boolean) => ({ object, topic: 'gone', text: { en: '', zh: '' }, danger })
const plan = (over: object = {}): Pick<Plan, 'meaning' | 'newErrors'> => ({ meaning: [], newErrors: [], ...over })
const danger = plan({ meaning: [meaning('VirtualService/shop/cart', true), meaning('Gateway/shop/edge', true)] })
const SAID = { reason: 'because', typed: '', barred: false }

describe('what a person has to say to a plan', () => {
  it('is a reason; blanks are none', () => {
    expect(approvalOf(plan(), { ...SAID, reason: ' \n' })).toEqual({ names: [], missing: 'reason', next: 'reason' })
    expect(approvalOf(plan(), SAID)).toEqual({ names: [], missing: undefined, next: undefined })
  })

  it('is every name that much hangs on, after the reason, in any order and between blanks or commas', () => {
    expect(approvalOf(danger, { ...SAID, reason: '' })).toMatchObject({ names: ['cart', 'edge'], next: 'reason' })
    expect(approvalOf(danger, { ...SAID, typed: 'cart' })).toMatchObject({ missing: 'names', next: 'names' })
    expect(approvalOf(danger, { ...SAID, typed: 'cart-2 edge' }).missing).toBe('names')
    expect(approvalOf(danger, { ...SAID, typed: ' edge,cart ' }).missing).toBeUndefined()
  })

  it('is nothing where the plan has errors: they are to be mended first', () => {
    const broken = { ...danger, newErrors: [{}] as Plan['newErrors'] }
    expect(approvalOf(broken, SAID)).toEqual({ names: [], missing: 'errors', next: undefined })
  })

  it('leads who may change nothing to no field', () => {
    expect(approvalOf(danger, { ...SAID, reason: '', barred: true }).next).toBeUndefined()
  })
})

it('nothing can be applied where no plan is and none is coming, where planning failed, and amid a conflict', () => {
  const state = { plan: {} as Plan, conflict: undefined, error: undefined, pending: false }
  expect(isStuck(state)).toBe(false)
  expect(isStuck({ ...state, plan: undefined })).toBe(true)
  expect(isStuck({ ...state, plan: undefined, pending: true })).toBe(false)
  expect(isStuck({ ...state, error: new Error('gone') })).toBe(true)
  expect(isStuck({ ...state, conflict: {} as NonNullable<Parameters<typeof isStuck>[0]['conflict']> })).toBe(true)
})
