import type { TopologyEdge, TopologyNode } from '../api/schema.ts'

/** Requests of the last minutes. */
export interface Traffic {
  /** In a second. */
  readonly rate: number
  readonly requests: number
  readonly failed: number
  /** How long they took, ms; of calls only, and absent where nobody tells. */
  readonly p50Ms?: number
  readonly p95Ms?: number
  readonly p99Ms?: number
}

/** What can stand on calls in the picture. */
export const LABELS = ['rate', 'p50', 'p95', 'p99'] as const
export type Label = (typeof LABELS)[number]

/** The percentile of traffic that a label names, ms. */
export function percentile(label: Exclude<Label, 'rate'>, traffic: Traffic | undefined): number | undefined {
  return traffic?.[`${label}Ms`]
}

/** A node of the picture: one of the topology, or a namespace that stands for all of its own. */
export interface GraphNode extends TopologyNode {
  /** How many it stands for, when it is a group. */
  readonly members?: number
  /** How many of these fail. */
  readonly failing?: number
  /** What it gets; of one that gets nothing, what it sends. Absent where nobody tells of any. */
  readonly traffic?: Traffic
  /** It is what is looked for. */
  readonly found?: boolean
}

export interface GraphEdge extends TopologyEdge {
  readonly traffic?: Traffic
  readonly found?: boolean
}

export interface Graph {
  readonly nodes: readonly GraphNode[]
  readonly edges: readonly GraphEdge[]
  readonly grouped: boolean
}

/** What a call is known by in the picture and in the address. */
export function callOf({ from, to }: Pick<GraphEdge, 'from' | 'to'>): string {
  return `${from} ${to}`
}
