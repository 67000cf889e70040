import { LABELS } from './model.ts'

/** What of the picture is shown, as it stands in the address. */
export const DEFAULTS = {
  as: 'graph',
  ns: '',
  q: '',
  lonely: '1',
  around: '',
  hops: '1',
  find: '',
  hide: '',
  window: '300',
  label: 'rate',
  call: '',
}

/** The state of the page. */
export type TopologyView = Readonly<Record<keyof typeof DEFAULTS, string>>

/** Services away from the one in the middle. */
export const HOPS = ['1', '2', '3'] as const
/** Seconds that figures are of. */
export const WINDOWS = ['60', '300', '900'] as const

/** The window that an address names, or five minutes. */
export function windowOf(said: string): (typeof WINDOWS)[number] {
  return WINDOWS.find((one) => one === said) ?? '300'
}

/** What an address wants calls to be labelled with, or their rate. */
export function labelOf(said: string): (typeof LABELS)[number] {
  return LABELS.find((one) => one === said) ?? 'rate'
}
