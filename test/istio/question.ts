import type { JsonObject } from '@bufbuild/protobuf'

/** A proxy that asks for its configuration. */
export interface Asker {
  readonly type: 'sidecar' | 'router'
  readonly ns: string
  readonly labels?: Readonly<Record<string, string>>
  /** Name of the workload, `<name>.<namespace>`. */
  readonly id?: string
  /** Its addresses, separated by commas. */
  readonly ip?: string
  /** Node metadata as Istio reads it. */
  readonly metadata?: Readonly<Record<string, unknown>>
  /** `region/zone/subzone`. */
  readonly locality?: string
}

/** A mesh, and the proxies whose configuration is compared. */
export interface Question {
  readonly id: string
  /** Documents of Istio, one a text; both sides get them in this order. */
  readonly documents: readonly string[]
  /** Objects of Kubernetes, for Istio alone. */
  readonly kube?: string
  /** Settings of the whole mesh, for Istio: its MeshConfig as YAML. */
  readonly mesh?: string
  /** The same settings for us: a document of kind Mesh. */
  readonly settings?: string
  readonly proxies: readonly Asker[]
}

/** What a proxy gets, as Envoy's messages in canonical protobuf JSON. */
export interface Resources {
  readonly listeners: readonly JsonObject[]
  readonly routes: readonly JsonObject[]
  readonly clusters: readonly JsonObject[]
  readonly endpoints: readonly JsonObject[]
}

/** One side's answer. */
export interface Reply {
  /** Documents that validation refuses (by position) and why. They are left out. */
  readonly refused: ReadonlyMap<number, string>
  /** For each proxy that asks, in order. */
  readonly proxies: readonly Resources[]
}

/** A question that both sides have answered. Documents that one of them refuses were taken from both. */
export interface Answered<Asked extends Question = Question> {
  readonly question: Asked
  readonly istio: Reply
  readonly ours: Reply
}
