import type { SubjectName } from './subjects.ts'

/** The shapes the targets are for, in the order of their figures. */
export const targetShapes = ['16x1', '16x32', '200x8', '1000x1'] as const

/** A ratio of CPU per round trip at 300 bytes that is to be kept. */
export interface Target {
  readonly what: string
  readonly over: SubjectName
  readonly under: SubjectName
  /** `at most`: over ÷ under may not be above; `at least`: not below. */
  readonly bound: 'at most' | 'at least'
  readonly limits: readonly [number, number, number, number]
}

export const targets: readonly Target[] = [
  {
    what: 'game ÷ floor, one service',
    over: 'game1',
    under: 'floor',
    bound: 'at most',
    limits: [1.25, 2.0, 1.5, 1.25],
  },
  {
    what: 'game ÷ floor, four services',
    over: 'game4',
    under: 'floor',
    bound: 'at most',
    limits: [1.5, 2.4, 2.0, 1.3],
  },
  {
    what: 'game ÷ tcp_proxy, one service',
    over: 'game1',
    under: 'tcp_proxy',
    bound: 'at most',
    limits: [0.85, 1.4, 0.65, 0.55],
  },
  {
    what: 'game ÷ tcp_proxy, four services',
    over: 'game4',
    under: 'tcp_proxy',
    bound: 'at most',
    limits: [1.0, 1.6, 0.95, 0.6],
  },
  {
    what: 'thrift_proxy ÷ thrift, four services',
    over: 'thrift_proxy',
    under: 'thrift4',
    bound: 'at least',
    limits: [2.5, 30, 14, 3.2],
  },
  { what: 'gRPC sidecar ÷ game, one service', over: 'grpc', under: 'game1', bound: 'at least', limits: [5, 40, 20, 5] },
  {
    what: 'all features ÷ plain, one service',
    over: 'all1',
    under: 'game1',
    bound: 'at most',
    limits: [1.25, 1.5, 1.4, 1.35],
  },
  {
    what: 'all features ÷ plain, four services',
    over: 'all4',
    under: 'game4',
    bound: 'at most',
    limits: [1.25, 1.5, 1.4, 1.35],
  },
]

/** Frames of other sizes may exceed the ratios by this much. */
export const otherSizes = 1.3
