/** Made from docs/openapi.json by `npm run ui:types`: do not edit. */

/** A control plane. */
export type About = {
  /** Of meshgate. */
  readonly version: string
  /** Version of Node.js. */
  readonly node: string
  /** Objects in force. */
  readonly objects: number
  /** Of documents that name none. */
  readonly defaultNamespace: string
  /** Where proxies connect, `host:port`. */
  readonly xds?: string
  /** Of configuration, as it was named at the start. */
  readonly folder?: string
}

/** Every answer that is not 2xx. */
export type Error = {
  /** Stable, for programs. */
  readonly code: string
  /** For people. */
  readonly message: string
}

/** How long a backend should go on serving after it left its registry, ms; measured from changes until proxies accepted them. */
export type Drain = {
  readonly samples: number
  readonly p50Ms?: number
  readonly p99Ms?: number
  readonly waitMs: number
}

/** A list of a registry that lost so much at once that it waits to be confirmed. */
export type Held = {
  readonly what: string
  readonly since: string
  readonly before: number
  readonly now: number
  readonly why: 'shrank' | 'went back' | 'empty' | 'filtered'
}

/** A registry the mesh reads beside its configuration. */
export type Source = {
  readonly name: string
  /** lost: it does not answer, and the last good services are served. */
  readonly state: 'syncing' | 'ok' | 'degraded' | 'lost'
  readonly services: number
  /** Services somebody is served. */
  readonly followed: number
  /** Instances of those. */
  readonly instances: number
  /** Followed services not read yet. */
  readonly waiting: number
  readonly lastContact?: string
  /** How old what is served may be; 0 while it answers. */
  readonly ageMs: number
  readonly error?: string
  readonly requests: number
  readonly held: Held[]
}

/** A place in a document. Lines and columns count from 1. */
export type Place = {
  /** `<kind>/<namespace>/<name>` */
  readonly document: string
  readonly file: string
  readonly line: number
  readonly column: number
}

/** A complaint about configuration. */
export type Diagnostic = {
  readonly code: string
  readonly severity: 'error' | 'warning' | 'info'
  readonly message: string
  readonly file: string
  readonly line: number
  readonly column: number
  /** `spec.http[0].route[1].weight`; empty for a whole document or file. */
  readonly path: string
  readonly hint?: string
}

/** Complaints, worst first. */
export type Diagnostics = {
  readonly diagnostics: Diagnostic[]
  readonly summary: {
    readonly errors: number
    readonly warnings: number
  }
}

/** One step of a request's way through a proxy. */
export type Step = {
  readonly step: string
  readonly name: string
  /** What happens here; the English of `text`. */
  readonly detail: string
  readonly text: {
    readonly en: string
    readonly zh: string
  }
  /** Share of requests that take this way, 0 to 1. */
  readonly share?: number
  readonly places: Place[]
}

/** The way of a request through a proxy. */
export type Explanation = {
  readonly steps: Step[]
  readonly outcome: 'endpoints' | 'answer' | 'none'
}

/** One type of resources of a proxy. */
export type ProxyType = {
  readonly type: 'cds' | 'eds' | 'lds' | 'rds' | 'vhds' | 'sds' | 'pds' | 'mrds' | 'mlds'
  readonly state: 'SYNCED' | 'STALE' | 'NACK' | 'NOT SENT'
  /** `*` for everything, else the number of names asked for. */
  readonly subscribed: string
  /** The newest response. */
  readonly sent?: {
    readonly nonce: string
    readonly at: string
  }
  /** The newest response the proxy accepted. */
  readonly acked?: {
    readonly nonce: string
    readonly at: string
  }
  /** Since when a response waits for its answer. */
  readonly unansweredSince?: string
  /** What the proxy refuses, in its own words, and where that comes from. */
  readonly rejected?: {
    readonly message: string
    readonly at: string
    readonly resources: string[]
    readonly places: Place[]
  }
}

/** A stream of a proxy. */
export type Proxy = {
  readonly node: string
  readonly cluster: string
  readonly locality: string
  readonly userAgent: string
  readonly mode: 'delta' | 'sotw'
  readonly peer: string
  /** Names its certificate proves; absent when it showed none. */
  readonly identities?: string[]
  readonly connected: boolean
  readonly connectedAt: string
  readonly disconnectedAt?: string
  /** The worst of its types. */
  readonly state: 'SYNCED' | 'STALE' | 'NACK' | 'NOT SENT'
  readonly types: ProxyType[]
  /** What is not as it should be; absent when nothing is. */
  readonly notices?: string[]
  readonly onDemand?: ProxyOnDemand
  /** Replica of the control plane it is connected to; absent for the one that answers. */
  readonly replica?: string
  readonly load?: ProxyLoad
}

/** What a proxy has that gets clusters when a request needs them. */
export type ProxyOnDemand = {
  /** The workload it is a replica of. */
  readonly workload: string
  /** Clusters it has by name. */
  readonly clusters: number
  /** Clusters a new replica of the workload gets at once. */
  readonly learned: number
  /** Clusters its class has let go of so far. */
  readonly evicted: number
  /** What is not as it should be. */
  readonly notices: string[]
}

/** What a proxy sent, from its load reports; sums since it began to report. */
export type ProxyLoad = {
  /** False when it stopped. */
  readonly reporting: boolean
  readonly reportedAt: string
  /** Length of the last interval. */
  readonly intervalMs: number
  /** Clusters it has. */
  readonly clusters: number
  /** Clusters with requests in the last interval. */
  readonly used: number
  readonly issued: number
  readonly succeeded: number
  readonly failed: number
  readonly inProgress: number
  readonly dropped: number
}

/** What a proxy sent to one cluster. */
export type ClusterLoad = {
  readonly cluster: string
  readonly firstReportedAt: string
  /** End of the last interval with requests; a new cluster counts as used. */
  readonly lastUsedAt: string
  readonly issued: number
  readonly succeeded: number
  readonly failed: number
  readonly inProgress: number
  readonly dropped: number
  readonly localities: {
    readonly locality: string
    readonly issued: number
    readonly succeeded: number
    readonly failed: number
    readonly inProgress: number
  }[]
}

/** What one workload sent to one cluster, counted from access logs since the control plane began to take them. */
export type Edge = {
  readonly caller: {
    readonly workload: string
    readonly namespace: string
  }
  /** Empty when none was chosen. */
  readonly cluster: string
  /** Of an outbound cluster. */
  readonly host?: string
  readonly port?: number
  readonly subset?: string
  readonly requests: number
  /** TCP connections. */
  readonly connections: number
  /** Requests by `1xx` … `5xx`, `none`. */
  readonly statuses: {
    readonly [name: string]: number
  }
  /** By Envoy's response flags. */
  readonly flags: {
    readonly [name: string]: number
  }
  /** Sum. */
  readonly durationMs: number
  /** Bytes of TCP connections from the client. */
  readonly received: number
  readonly sent: number
  readonly lastSeenAt: string
  /** Of the asked window. */
  readonly recent: {
    readonly requests: number
    readonly errors: number
    readonly durationMs: number
  }
}

/** Traffic of one service in a window of time. */
export type ServiceFigures = {
  readonly hostname: string
  readonly requests: number
  /** Server errors and no answers, of these requests. */
  readonly failed: number
  /** Absent where no proxy tells how long requests take. */
  readonly p50Ms?: number
  readonly p99Ms?: number
}

/** What all proxies sent to one cluster. */
export type ClusterTotals = {
  readonly cluster: string
  readonly issued: number
  readonly succeeded: number
  readonly failed: number
  readonly inProgress: number
  readonly dropped: number
}

/** A response to a proxy, or its answer to one. */
export type ProxyExchange = {
  readonly type: 'cds' | 'eds' | 'lds' | 'rds' | 'vhds' | 'sds' | 'pds' | 'mrds' | 'mlds'
  readonly event: 'sent' | 'ack' | 'nack'
  readonly at: string
  /** Of the response; an answer to it also answers those before it. */
  readonly nonce: string
  /** Resources in the response. */
  readonly resources: number
  /** Names it takes away. */
  readonly removed: number
  /** The proxy's own words about why it refuses. */
  readonly message?: string
}

/** A resource as a proxy has it. */
export type HeldConfig = {
  readonly name: string
  readonly version: string
  /** False while its newest version is on its way. */
  readonly acknowledged: boolean
  readonly places: Place[]
  /** A message of the Envoy API in canonical protobuf JSON; secrets are redacted. */
  readonly config: {
    readonly [name: string]: unknown
  }
}

/** A port of a service. */
export type ServicePort = {
  readonly number: number
  readonly name: string
  readonly protocol: string
  readonly endpoints: Endpoint[]
}

/** Where a service runs. */
export type Endpoint = {
  readonly address: string
  readonly port: number
  readonly weight: number
  readonly health: 'healthy' | 'unhealthy' | 'draining'
  readonly labels: {
    readonly [name: string]: string
  }
  /** `region/zone/subzone`; empty when none is set. */
  readonly locality: string
  readonly place: Place
}

/** A kind of documents. */
export type Kind = {
  readonly kind: string
  /** API group; empty is the core group of Kubernetes. */
  readonly group: string
  /** The preferred one first. */
  readonly versions: string[]
  readonly doc: string
  /** Whether documents of the kind change what proxies get. */
  readonly compiled: boolean
}

/** A host of the registry. */
export type Service = {
  readonly hostname: string
  readonly namespace: string
  readonly resolution: 'STATIC' | 'DNS' | 'DNS_ROUND_ROBIN' | 'NONE'
  readonly meshExternal: boolean
  readonly addresses: string[]
  readonly exportTo: string[]
  /** False while a registry has not been asked for its endpoints: nobody is served them. */
  readonly endpointsKnown: boolean
  readonly ports: ServicePort[]
  readonly place: Place
}

/** One thing one rule does to services. */
export type Policy = {
  readonly topic: 'split' | 'circuitBreaking' | 'fault' | 'timeoutRetry' | 'mirror' | 'loadBalancing' | 'messageRoutes'
  /** `<kind>/<namespace>/<name>` */
  readonly document: string
  /** `spec.http[0].fault` */
  readonly path: string
  readonly place: Place
  /** Full names of the services it is for. */
  readonly services: string[]
  /** The condition it stands under, in short; empty for every request. */
  readonly match: string
  /** Fields and their values; for splits and message routes, destinations and their weights. */
  readonly values: {
    readonly name: string
    readonly value: string
  }[]
  /** When it ends by itself. */
  readonly expiresAt?: string
}

/** A service, a way in, or a caller. */
export type TopologyNode = {
  readonly id: string
  readonly kind: 'service' | 'gateway' | 'host' | 'workload'
  readonly name: string
  readonly namespace: string
  readonly endpoints: number
  /** Topics of policies that rules have for it. */
  readonly policies: string[]
}

/** A call, as a rule says or as proxies report. */
export type TopologyEdge = {
  readonly from: string
  readonly to: string
  /** Whether a rule says so. */
  readonly configured: boolean
  /** Requests that proxies reported; absent when nothing is known. */
  readonly issued?: number
  readonly failed?: number
  /** The rule. */
  readonly document?: string
}

/** Who calls whom. */
export type Topology = {
  readonly nodes: TopologyNode[]
  readonly edges: TopologyEdge[]
}

/** A Maglev table as Envoy builds it. */
export type MaglevPreview = {
  readonly tableSize: number
  readonly endpoints: {
    /** `address:port` */
    readonly address: string
    readonly weight: number
    /** Share of keys, 0 to 1. */
    readonly share: number
    /** Share of keys that go elsewhere when it leaves, its own included. */
    readonly moved: number
  }[]
  readonly keys: {
    readonly key: string
    /** Where it goes. */
    readonly address?: string
    /** Where it goes when that endpoint leaves. */
    readonly without?: string
  }[]
}

/** A file of configuration. */
export type DocumentFile = {
  /** Below the folder of configuration. */
  readonly file: string
  /** As complaints and places name it. */
  readonly path: string
  /** SHA-256 of its bytes. */
  readonly hash: string
  /** The newest revision that changed it. */
  readonly revision: number
  /** False for what is reached through a link. */
  readonly writable: boolean
  /** Keys of the objects in force that come from it. */
  readonly objects: string[]
}

/** The text of a file after a revision. */
export type DocumentText = {
  readonly file: string
  readonly path: string
  readonly revision: number
  readonly hash: string
  /** Absent when it is no UTF-8, or holds private keys the caller may not see. */
  readonly text?: string
  /** Why the text is absent. */
  readonly withheld?: 'secret' | 'binary'
}

/** A file in a change. */
export type ChangedFile = {
  readonly file: string
  readonly change: 'added' | 'changed' | 'deleted'
  /** Unified; absent when it is withheld. */
  readonly diff?: string
  readonly withheld?: 'secret' | 'binary'
}

/** A step in the history. */
export type Revision = {
  readonly id: number
  readonly parent?: number
  readonly at: string
  readonly who: string
  readonly why: string
  readonly source: 'api' | 'files' | 'rollback' | 'expiry'
  /** The revision a rollback went back to, or took back. */
  readonly refers?: number
  readonly files: {
    readonly file: string
    readonly change: 'added' | 'changed' | 'deleted'
  }[]
}

/** An object in force. */
export type Rule = {
  /** `<kind>/<namespace>/<name>` */
  readonly key: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
  /** Hosts it is for, 10 at most; of message routes the services they lead to. */
  readonly hosts: string[]
  /** Below the folder of configuration; absent for what does not come from it. */
  readonly file?: string
  /** The file as complaints and places name it. */
  readonly path: string
  readonly line: number
  readonly errors: number
  readonly warnings: number
  /** The newest revision that changed its file. */
  readonly changed?: {
    readonly revision: number
    readonly at: string
    readonly who: string
  }
}

/** One thing a change does, in words. */
export type Meaning = {
  /** `<kind>/<namespace>/<name>` */
  readonly object: string
  readonly topic: string
  readonly text: {
    readonly en: string
    readonly zh: string
  }
  /** Can stop traffic. */
  readonly danger: boolean
  readonly place: Place
}

/** What changes on the wire for the proxies of one class. */
export type ClassChange = {
  /** The properties that make the class, as JSON. */
  readonly class: string
  /** Proxies of the class, 100 at most. */
  readonly nodes: string[]
  readonly proxies: number
  readonly types: {
    readonly type: string
    readonly added: string[]
    readonly changed: string[]
    readonly removed: string[]
  }[]
}

/** What a change would do. */
export type Plan = {
  /** Identifies the plan; to be sent with apply. */
  readonly plan: string
  /** The newest revision when it was planned. */
  readonly base: number
  readonly files: ChangedFile[]
  readonly diagnostics: Diagnostic[]
  /** Errors that are not there now; with any, apply refuses. */
  readonly newErrors: Diagnostic[]
  readonly meaning: Meaning[]
  readonly classes: ClassChange[]
  /** Connected proxies that hold or will get something that changes. */
  readonly proxies: string[]
  /** Hostnames of services it touches. */
  readonly services: string[]
  /** Workloads that have sent requests to these services, as far as proxies tell. */
  readonly callers: string[]
}

/** Files that somebody else changed in the meantime. */
export type Conflict = {
  readonly code: string
  readonly message: string
  /** The newest one; the base of the next attempt. */
  readonly revision?: number
  readonly conflicts?: {
    readonly file: string
    /** As it was when the change was begun; absent: not there, or withheld. */
    readonly base?: string
    readonly theirs?: string
    readonly mine?: string
  }[]
}

/** Traffic of the services a revision touches, before it was in force and after. */
export type RevisionFigures = {
  readonly revision: number
  readonly appliedAt: string
  /** When the figures of five minutes are complete. */
  readonly until: string
  /** Proxies whose counters are read. */
  readonly reading: number
  /** Services that are touched besides and left out. */
  readonly more: number
  readonly services: {
    readonly hostname: string
    readonly before: {
      /** How long it is. */
      readonly seconds: number
      readonly requests: number
      /** Server errors and no answers, of these requests. */
      readonly failed: number
      /** Absent where no proxy tells how long requests take. */
      readonly p50Ms?: number
      readonly p99Ms?: number
    }
    readonly after: {
      /** How long it is. */
      readonly seconds: number
      readonly requests: number
      /** Server errors and no answers, of these requests. */
      readonly failed: number
      /** Absent where no proxy tells how long requests take. */
      readonly p50Ms?: number
      readonly p99Ms?: number
    }
    /** Of both windows, where there were requests. */
    readonly steps: {
      /** ms since 1970. */
      readonly at: number
      readonly requests: number
      /** Server errors and no answers, of these requests. */
      readonly failed: number
      /** Absent where no proxy tells how long requests take. */
      readonly p50Ms?: number
      readonly p99Ms?: number
    }[]
  }[]
}

/** How far a revision has come. */
export type Convergence = {
  readonly revision: number
  /** Its files have been read. */
  readonly inForce: boolean
  /** Another revision came later; these are the states of that moment. */
  readonly superseded: boolean
  readonly counts: {
    readonly waiting: number
    readonly sent: number
    readonly ACK: number
    readonly NACK: number
    readonly offline: number
  }
  readonly proxies: {
    readonly node: string
    readonly state: 'waiting' | 'sent' | 'ACK' | 'NACK' | 'offline'
    readonly rejected?: {
      readonly type: string
      readonly message: string
      readonly places: Place[]
    }
  }[]
}

/** Who is asking. */
export type Session = {
  readonly user: string
  readonly role: 'viewer' | 'editor' | 'admin'
  readonly via: 'open' | 'session' | 'token' | 'certificate'
  /** To be sent as x-csrf-token with every write of this session. */
  readonly csrf?: string
  /** Nobody can change the configuration here, whatever their role: another process keeps its history. */
  readonly readOnly?: {
    readonly reason: string
    /** Where it can be changed, if that is known. */
    readonly api?: string
  }
}

/** Somebody who may log in. */
export type User = {
  readonly name: string
  readonly role: 'viewer' | 'editor' | 'admin'
  readonly created: string
}

/** A token of a script. */
export type Token = {
  readonly id: string
  readonly name: string
  readonly user?: string
  readonly role: 'viewer' | 'editor' | 'admin'
  readonly created: string
  readonly expires?: string
}

/** Who did or tried what. */
export type AuditEntry = {
  readonly id: number
  readonly at: string
  readonly who: string
  readonly peer: string
  readonly action: string
  readonly outcome: 'done' | 'refused' | 'failed'
  readonly detail: string
  readonly times: number
}

export interface paths {
  '/api/v1/about': {
    get: {
      parameters: { query?: never; header?: never; path?: never; cookie?: never }
      requestBody?: never
      responses: {
        200: { headers: { [name: string]: unknown }; content: { 'application/json': About } }
        default: { headers: { [name: string]: unknown }; content: { 'application/json': Error } }
      }
    }
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/healthz/live': {
    get: {
      parameters: { query?: never; header?: never; path?: never; cookie?: never }
      requestBody?: never
      responses: { 200: { headers: { [name: string]: unknown }; content: { 'text/plain': string } } }
    }
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/healthz/ready': {
    get: {
      parameters: { query?: never; header?: never; path?: never; cookie?: never }
      requestBody?: never
      responses: {
        200: { headers: { [name: string]: unknown }; content: { 'text/plain': string } }
        503: { headers: { [name: string]: unknown }; content: { 'text/plain': string } }
      }
    }
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/metrics': {
    get: {
      parameters: { query?: never; header?: never; path?: never; cookie?: never }
      requestBody?: never
      responses: { 200: { headers: { [name: string]: unknown }; content: { 'text/plain': string } } }
    }
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v1/proxies': {
    get: {
      parameters: { query?: never; header?: never; path?: never; cookie?: never }
      requestBody?: never
      responses: {
        200: {
          headers: { [name: string]: unknown }
          content: {
            'application/json': {
              readonly proxies: Proxy[]
              /** False while other replicas cannot be asked; absent where there are none. */
              readonly complete?: boolean
            }
          }
        }
        default: { headers: { [name: string]: unknown }; content: { 'application/json': Error } }
      }
    }
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v1/proxies/{node}': {
    get: {
      parameters: { query?: never; header?: never; path: { node: string }; cookie?: never }
      requestBody?: never
      responses: {
        200: {
          headers: { [name: string]: unknown }
          content: {
            'application/json': {
              readonly proxies: Proxy[]
              /** False while other replicas cannot be asked; absent where there are none. */
              readonly complete?: boolean
            }
          }
        }
        default: { headers: { [name: string]: unknown }; content: { 'application/json': Error } }
      }
    }
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v1/proxies/{node}/exchanges': {
    get: {
      parameters: { query?: never; header?: never; path: { node: string }; cookie?: never }
      requestBody?: never
      responses: {
        200: {
          headers: { [name: string]: unknown }
          content: {
            'application/json': {
              readonly node: string
              readonly exchanges: ProxyExchange[]
            }
          }
        }
        default: { headers: { [name: string]: unknown }; content: { 'application/json': Error } }
      }
    }
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v1/proxies/{node}/config/{type}': {
    get: {
      parameters: {
        query?: never
        header?: never
        path: {
          node: string
          type:
            | 'all'
            | 'cds'
            | 'clusters'
            | 'eds'
            | 'endpoints'
            | 'lds'
            | 'listeners'
            | 'rds'
            | 'routes'
            | 'vhds'
            | 'virtualHosts'
            | 'sds'
            | 'secrets'
            | 'pds'
            | 'protocols'
            | 'mrds'
            | 'messageRoutes'
            | 'mlds'
            | 'messageListeners'
        }
        cookie?: never
      }
      requestBody?: never
      responses: {
        200: {
          headers: { [name: string]: unknown }
          content: {
            'application/json': {
              readonly node: string
              readonly clusters?: HeldConfig[]
              readonly endpoints?: HeldConfig[]
              readonly listeners?: HeldConfig[]
              readonly routes?: HeldConfig[]
              readonly virtualHosts?: HeldConfig[]
              readonly secrets?: HeldConfig[]
              readonly protocols?: HeldConfig[]
              readonly messageRoutes?: HeldConfig[]
              readonly messageListeners?: HeldConfig[]
            }
          }
        }
        default: { headers: { [name: string]: unknown }; content: { 'application/json': Error } }
      }
    }
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v1/load': {
    get: {
      parameters: { query?: { limit?: number }; header?: never; path?: never; cookie?: never }
      requestBody?: never
      responses: {
        200: {
          headers: { [name: string]: unknown }
          content: {
            'application/json': {
              readonly clusters: ClusterTotals[]
            }
          }
        }
        default: { headers: { [name: string]: unknown }; content: { 'application/json': Error } }
      }
    }
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v1/proxies/{node}/load': {
    get: {
      parameters: { query?: { limit?: number }; header?: never; path: { node: string }; cookie?: never }
      requestBody?: never
      responses: {
        200: {
          headers: { [name: string]: unknown }
          content: {
            'application/json': {
              readonly clusters: ClusterLoad[]
            }
          }
        }
        default: { headers: { [name: string]: unknown }; content: { 'application/json': Error } }
      }
    }
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v1/edges': {
    get: {
      parameters: { query?: { window?: number; limit?: number }; header?: never; path?: never; cookie?: never }
      requestBody?: never
      responses: {
        200: {
          headers: { [name: string]: unknown }
          content: {
            'application/json': {
              readonly edges: Edge[]
            }
          }
        }
        default: { headers: { [name: string]: unknown }; content: { 'application/json': Error } }
      }
    }
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v1/figures': {
    get: {
      parameters: { query?: { window?: number }; header?: never; path?: never; cookie?: never }
      requestBody?: never
      responses: {
        200: {
          headers: { [name: string]: unknown }
          content: {
            'application/json': {
              readonly services: ServiceFigures[]
              /** How long the window is: less than asked for where counters have not been read that long. */
              readonly seconds: number
              /** Proxies whose counters are read. */
              readonly reading: string[]
            }
          }
        }
        default: { headers: { [name: string]: unknown }; content: { 'application/json': Error } }
      }
    }
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v1/diagnostics': {
    get: {
      parameters: { query?: never; header?: never; path?: never; cookie?: never }
      requestBody?: never
      responses: {
        200: { headers: { [name: string]: unknown }; content: { 'application/json': Diagnostics } }
        default: { headers: { [name: string]: unknown }; content: { 'application/json': Error } }
      }
    }
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v1/analyze': {
    get?: never
    put?: never
    post: {
      parameters: { query?: never; header?: never; path?: never; cookie?: never }
      requestBody: {
        content: {
          'application/json': {
            /** YAML texts by file name. */
            readonly files: {
              readonly [name: string]: string
            }
          }
        }
      }
      responses: {
        200: { headers: { [name: string]: unknown }; content: { 'application/json': Diagnostics } }
        default: { headers: { [name: string]: unknown }; content: { 'application/json': Error } }
      }
    }
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v1/kinds': {
    get: {
      parameters: { query?: never; header?: never; path?: never; cookie?: never }
      requestBody?: never
      responses: {
        200: {
          headers: { [name: string]: unknown }
          content: {
            'application/json': {
              readonly kinds: Kind[]
            }
          }
        }
        default: { headers: { [name: string]: unknown }; content: { 'application/json': Error } }
      }
    }
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v1/kinds/{kind}/schema': {
    get: {
      parameters: { query?: never; header?: never; path: { kind: string }; cookie?: never }
      requestBody?: never
      responses: {
        200: {
          headers: { [name: string]: unknown }
          content: {
            'application/json': {
              readonly [name: string]: unknown
            }
          }
        }
        default: { headers: { [name: string]: unknown }; content: { 'application/json': Error } }
      }
    }
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v1/services': {
    get: {
      parameters: { query?: { namespace?: string }; header?: never; path?: never; cookie?: never }
      requestBody?: never
      responses: {
        200: {
          headers: { [name: string]: unknown }
          content: {
            'application/json': {
              readonly services: Service[]
            }
          }
        }
        default: { headers: { [name: string]: unknown }; content: { 'application/json': Error } }
      }
    }
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v1/services/{hostname}': {
    get: {
      parameters: { query?: never; header?: never; path: { hostname: string }; cookie?: never }
      requestBody?: never
      responses: {
        200: {
          headers: { [name: string]: unknown }
          content: {
            'application/json': {
              readonly services: Service[]
            }
          }
        }
        default: { headers: { [name: string]: unknown }; content: { 'application/json': Error } }
      }
    }
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v1/policies': {
    get: {
      parameters: {
        query?: {
          service?: string
          topic?: 'split' | 'circuitBreaking' | 'fault' | 'timeoutRetry' | 'mirror' | 'loadBalancing' | 'messageRoutes'
        }
        header?: never
        path?: never
        cookie?: never
      }
      requestBody?: never
      responses: {
        200: {
          headers: { [name: string]: unknown }
          content: {
            'application/json': {
              readonly policies: Policy[]
            }
          }
        }
        default: { headers: { [name: string]: unknown }; content: { 'application/json': Error } }
      }
    }
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v1/topology': {
    get: {
      parameters: { query?: never; header?: never; path?: never; cookie?: never }
      requestBody?: never
      responses: {
        200: { headers: { [name: string]: unknown }; content: { 'application/json': Topology } }
        default: { headers: { [name: string]: unknown }; content: { 'application/json': Error } }
      }
    }
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v1/services/{hostname}/maglev': {
    get: {
      parameters: {
        query?: { port?: number; subset?: string; size?: number; key?: string[] }
        header?: never
        path: { hostname: string }
        cookie?: never
      }
      requestBody?: never
      responses: {
        200: { headers: { [name: string]: unknown }; content: { 'application/json': MaglevPreview } }
        default: { headers: { [name: string]: unknown }; content: { 'application/json': Error } }
      }
    }
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v1/sources': {
    get: {
      parameters: { query?: never; header?: never; path?: never; cookie?: never }
      requestBody?: never
      responses: {
        200: {
          headers: { [name: string]: unknown }
          content: {
            'application/json': {
              readonly sources: Source[]
              readonly drain?: Drain
            }
          }
        }
        default: { headers: { [name: string]: unknown }; content: { 'application/json': Error } }
      }
    }
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v1/sources/confirm': {
    get?: never
    put?: never
    post: {
      parameters: { query?: never; header?: never; path?: never; cookie?: never }
      requestBody: {
        content: {
          'application/json': {
            /** As `held[].what` names it. */
            readonly what?: string
          }
        }
      }
      responses: {
        200: {
          headers: { [name: string]: unknown }
          content: {
            'application/json': {
              readonly confirmed: number
            }
          }
        }
        default: { headers: { [name: string]: unknown }; content: { 'application/json': Error } }
      }
    }
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v1/explain': {
    get: {
      parameters: {
        query: { node: string; metadata?: string; url: string; method?: string; header?: string[] }
        header?: never
        path?: never
        cookie?: never
      }
      requestBody?: never
      responses: {
        200: { headers: { [name: string]: unknown }; content: { 'application/json': Explanation } }
        default: { headers: { [name: string]: unknown }; content: { 'application/json': Error } }
      }
    }
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v1/translate': {
    get: {
      parameters: {
        query: {
          node: string
          metadata?: string
          type?: 'cds' | 'eds' | 'lds' | 'rds' | 'vhds' | 'sds' | 'pds' | 'mrds' | 'mlds' | 'all'
          format?: 'resources' | 'envoy'
        }
        header?: never
        path?: never
        cookie?: never
      }
      requestBody?: never
      responses: {
        200: {
          headers: { [name: string]: unknown }
          content: {
            'application/json': {
              readonly clusters?: {
                readonly [name: string]: unknown
              }[]
              readonly endpoints?: {
                readonly [name: string]: unknown
              }[]
              readonly listeners?: {
                readonly [name: string]: unknown
              }[]
              readonly routes?: {
                readonly [name: string]: unknown
              }[]
              readonly virtualHosts?: {
                readonly [name: string]: unknown
              }[]
              readonly secrets?: {
                readonly [name: string]: unknown
              }[]
              readonly protocols?: {
                readonly [name: string]: unknown
              }[]
              readonly messageRoutes?: {
                readonly [name: string]: unknown
              }[]
              readonly messageListeners?: {
                readonly [name: string]: unknown
              }[]
              readonly [name: string]: unknown
            }
          }
        }
        default: { headers: { [name: string]: unknown }; content: { 'application/json': Error } }
      }
    }
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v1/rules': {
    get: {
      parameters: { query?: never; header?: never; path?: never; cookie?: never }
      requestBody?: never
      responses: {
        200: {
          headers: { [name: string]: unknown }
          content: {
            'application/json': {
              readonly rules: Rule[]
              /** Errors of documents that are not in force. */
              readonly broken: Diagnostic[]
            }
          }
        }
        default: { headers: { [name: string]: unknown }; content: { 'application/json': Error } }
      }
    }
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v1/documents': {
    get: {
      parameters: { query?: never; header?: never; path?: never; cookie?: never }
      requestBody?: never
      responses: {
        200: {
          headers: { [name: string]: unknown }
          content: {
            'application/json': {
              readonly revision: number
              readonly files: DocumentFile[]
            }
          }
        }
        default: { headers: { [name: string]: unknown }; content: { 'application/json': Error } }
      }
    }
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v1/documents/{file}': {
    get: {
      parameters: { query?: { revision?: number }; header?: never; path: { file: string }; cookie?: never }
      requestBody?: never
      responses: {
        200: { headers: { [name: string]: unknown }; content: { 'application/json': DocumentText } }
        default: { headers: { [name: string]: unknown }; content: { 'application/json': Error } }
      }
    }
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v1/revisions': {
    get: {
      parameters: {
        query?: {
          before?: number
          limit?: number
          file?: string
          source?: 'api' | 'files' | 'rollback' | 'expiry'
          who?: string
        }
        header?: never
        path?: never
        cookie?: never
      }
      requestBody?: never
      responses: {
        200: {
          headers: { [name: string]: unknown }
          content: {
            'application/json': {
              readonly revisions: Revision[]
            }
          }
        }
        default: { headers: { [name: string]: unknown }; content: { 'application/json': Error } }
      }
    }
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v1/revisions/{revision}': {
    get: {
      parameters: { query?: never; header?: never; path: { revision: number }; cookie?: never }
      requestBody?: never
      responses: {
        200: { headers: { [name: string]: unknown }; content: { 'application/json': Revision } }
        default: { headers: { [name: string]: unknown }; content: { 'application/json': Error } }
      }
    }
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v1/revisions/{revision}/diff': {
    get: {
      parameters: { query?: { from?: number }; header?: never; path: { revision: number }; cookie?: never }
      requestBody?: never
      responses: {
        200: {
          headers: { [name: string]: unknown }
          content: {
            'application/json': {
              readonly files: ChangedFile[]
            }
          }
        }
        default: { headers: { [name: string]: unknown }; content: { 'application/json': Error } }
      }
    }
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v1/plan': {
    get?: never
    put?: never
    post: {
      parameters: { query?: never; header?: never; path?: never; cookie?: never }
      requestBody: {
        content: {
          'application/json': {
            /** The revision the change was made for; the newest if not given. */
            readonly base?: number
            /** Files with their new texts. */
            readonly changes?: {
              /** Below the folder of configuration. */
              readonly file: string
              /** The whole new text. */
              readonly text?: string
              /** Instead of a text. */
              readonly delete?: true
            }[]
            /** Go back to the state after this revision. */
            readonly to?: number
            /** Take back what this revision did, and nothing else. */
            readonly undo?: number
          }
        }
      }
      responses: {
        200: { headers: { [name: string]: unknown }; content: { 'application/json': Plan } }
        409: { headers: { [name: string]: unknown }; content: { 'application/json': Conflict } }
        default: { headers: { [name: string]: unknown }; content: { 'application/json': Error } }
      }
    }
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v1/apply': {
    get?: never
    put?: never
    post: {
      parameters: { query?: never; header?: never; path?: never; cookie?: never }
      requestBody: {
        content: {
          'application/json': {
            /** The hash that plan answered. */
            readonly plan: string
            /** As it was planned with. */
            readonly base: number
            /** Files with their new texts. */
            readonly changes: {
              /** Below the folder of configuration. */
              readonly file: string
              /** The whole new text. */
              readonly text?: string
              /** Instead of a text. */
              readonly delete?: true
            }[]
            /** Why, for the history. */
            readonly reason: string
          }
        }
      }
      responses: {
        200: { headers: { [name: string]: unknown }; content: { 'application/json': Revision } }
        409: { headers: { [name: string]: unknown }; content: { 'application/json': Conflict } }
        default: { headers: { [name: string]: unknown }; content: { 'application/json': Error } }
      }
    }
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v1/rollback': {
    get?: never
    put?: never
    post: {
      parameters: { query?: never; header?: never; path?: never; cookie?: never }
      requestBody: {
        content: {
          'application/json': {
            /** Go back to the state after this revision. */
            readonly to?: number
            /** Take back what this revision did, and nothing else. */
            readonly undo?: number
            /** The hash that plan answered. */
            readonly plan?: string
            /** Why, for the history. */
            readonly reason: string
          }
        }
      }
      responses: {
        200: { headers: { [name: string]: unknown }; content: { 'application/json': Revision } }
        409: { headers: { [name: string]: unknown }; content: { 'application/json': Conflict } }
        default: { headers: { [name: string]: unknown }; content: { 'application/json': Error } }
      }
    }
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v1/revisions/{revision}/convergence': {
    get: {
      parameters: { query?: never; header?: never; path: { revision: number }; cookie?: never }
      requestBody?: never
      responses: {
        200: { headers: { [name: string]: unknown }; content: { 'application/json': Convergence } }
        default: { headers: { [name: string]: unknown }; content: { 'application/json': Error } }
      }
    }
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v1/events': {
    get: {
      parameters: { query?: never; header?: { 'last-event-id'?: string }; path?: never; cookie?: never }
      requestBody?: never
      responses: { 200: { headers: { [name: string]: unknown }; content: { 'text/event-stream': string } } }
    }
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v1/revisions/{revision}/figures': {
    get: {
      parameters: { query?: never; header?: never; path: { revision: number }; cookie?: never }
      requestBody?: never
      responses: {
        200: { headers: { [name: string]: unknown }; content: { 'application/json': RevisionFigures } }
        default: { headers: { [name: string]: unknown }; content: { 'application/json': Error } }
      }
    }
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v1/login': {
    get?: never
    put?: never
    post: {
      parameters: { query?: never; header?: never; path?: never; cookie?: never }
      requestBody: {
        content: {
          'application/json': {
            /** Name of the user. */
            readonly user: string
            /** In plain: use TLS where the network is not yours. */
            readonly password: string
          }
        }
      }
      responses: {
        200: { headers: { [name: string]: unknown }; content: { 'application/json': Session } }
        default: { headers: { [name: string]: unknown }; content: { 'application/json': Error } }
      }
    }
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v1/logout': {
    get?: never
    put?: never
    post: {
      parameters: { query?: never; header?: never; path?: never; cookie?: never }
      requestBody?: never
      responses: {
        200: { headers: { [name: string]: unknown }; content: { 'application/json': Record<string, never> } }
        default: { headers: { [name: string]: unknown }; content: { 'application/json': Error } }
      }
    }
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v1/session': {
    get: {
      parameters: { query?: never; header?: never; path?: never; cookie?: never }
      requestBody?: never
      responses: {
        200: { headers: { [name: string]: unknown }; content: { 'application/json': Session } }
        default: { headers: { [name: string]: unknown }; content: { 'application/json': Error } }
      }
    }
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v1/users': {
    get: {
      parameters: { query?: never; header?: never; path?: never; cookie?: never }
      requestBody?: never
      responses: {
        200: {
          headers: { [name: string]: unknown }
          content: {
            'application/json': {
              readonly users: User[]
            }
          }
        }
        default: { headers: { [name: string]: unknown }; content: { 'application/json': Error } }
      }
    }
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v1/tokens': {
    get: {
      parameters: { query?: never; header?: never; path?: never; cookie?: never }
      requestBody?: never
      responses: {
        200: {
          headers: { [name: string]: unknown }
          content: {
            'application/json': {
              readonly tokens: Token[]
            }
          }
        }
        default: { headers: { [name: string]: unknown }; content: { 'application/json': Error } }
      }
    }
    put?: never
    post: {
      parameters: { query?: never; header?: never; path?: never; cookie?: never }
      requestBody: {
        content: {
          'application/json': {
            /** For people: what it is for. */
            readonly name: string
            /** Not more than your own. */
            readonly role: 'viewer' | 'editor' | 'admin'
            /** Expires after; never if not given. */
            readonly days?: number
          }
        }
      }
      responses: {
        200: {
          headers: { [name: string]: unknown }
          content: {
            'application/json': {
              readonly token: Token
              readonly secret: string
            }
          }
        }
        default: { headers: { [name: string]: unknown }; content: { 'application/json': Error } }
      }
    }
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v1/tokens/{id}': {
    get?: never
    put?: never
    post?: never
    delete: {
      parameters: { query?: never; header?: never; path: { id: string }; cookie?: never }
      requestBody?: never
      responses: {
        200: { headers: { [name: string]: unknown }; content: { 'application/json': Record<string, never> } }
        default: { headers: { [name: string]: unknown }; content: { 'application/json': Error } }
      }
    }
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
  '/api/v1/audit': {
    get: {
      parameters: { query?: { before?: number; limit?: number }; header?: never; path?: never; cookie?: never }
      requestBody?: never
      responses: {
        200: {
          headers: { [name: string]: unknown }
          content: {
            'application/json': {
              readonly entries: AuditEntry[]
            }
          }
        }
        default: { headers: { [name: string]: unknown }; content: { 'application/json': Error } }
      }
    }
    put?: never
    post?: never
    delete?: never
    options?: never
    head?: never
    patch?: never
    trace?: never
  }
}
