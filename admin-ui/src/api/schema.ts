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
  /** Changes that were measured. */
  readonly samples: number
  /** Half of them took no longer; absent before the first. */
  readonly p50Ms?: number
  /** 99 of 100 of them took no longer; absent before the first. */
  readonly p99Ms?: number
  /** So long a backend should go on. */
  readonly waitMs: number
}

/** A list of a registry that lost so much at once that it waits to be confirmed. */
export type Held = {
  /** What it is a list of: `services of dc1`, or a host. */
  readonly what: string
  /** Since when it waits. */
  readonly since: string
  /** How many were on the list that is served. */
  readonly before: number
  /** How many are on the list that waits. */
  readonly now: number
  /** How it lost something; `filtered`: it shows that only a part may be seen, as with a token that may not read all. */
  readonly why: 'shrank' | 'went back' | 'empty' | 'filtered'
}

/** A registry the mesh reads beside its configuration. */
export type Source = {
  /** Where it is. */
  readonly name: string
  /** lost: it does not answer, and the last good services are served. */
  readonly state: 'syncing' | 'ok' | 'degraded' | 'lost'
  /** Services it lists. */
  readonly services: number
  /** Services somebody is served. */
  readonly followed: number
  /** Instances of those. */
  readonly instances: number
  /** Followed services not read yet. */
  readonly waiting: number
  /** When it answered last; absent before the first answer. */
  readonly lastContact?: string
  /** How old what is served may be; 0 while it answers. */
  readonly ageMs: number
  /** The newest complaint; absent while nothing is wrong. */
  readonly error?: string
  /** Requests sent to it so far. */
  readonly requests: number
  /** What waits to be confirmed. */
  readonly held: Held[]
}

/** A place in a document. Lines and columns count from 1. */
export type Place = {
  /** `<kind>/<namespace>/<name>` */
  readonly document: string
  /** File, or where else the document is kept. */
  readonly file: string
  /** Line in the file. */
  readonly line: number
  /** Column in the line. */
  readonly column: number
}

/** A complaint about configuration. */
export type Diagnostic = {
  /** Stable, for programs; docs/diagnostics.md lists them. */
  readonly code: string
  /** How bad it is. */
  readonly severity: 'error' | 'warning' | 'info'
  /** What is wrong, for people. */
  readonly message: string
  /** File, or where else the document is kept. */
  readonly file: string
  /** From 1. */
  readonly line: number
  /** From 1. */
  readonly column: number
  /** `spec.http[0].route[1].weight`; empty for a whole document or file. */
  readonly path: string
  /** What to do about it. */
  readonly hint?: string
}

/** Complaints, worst first. */
export type Diagnostics = {
  /** Worst first, then by place. */
  readonly diagnostics: Diagnostic[]
  /** How many there are. */
  readonly summary: {
    /** How many errors. */
    readonly errors: number
    /** How many warnings. */
    readonly warnings: number
  }
}

/** One step of a request's way through a proxy. */
export type Step = {
  /** `listener`, `virtual-host`, `route`, `fault`, `mirror`, `cluster`, `endpoints`, or `end`; `hidden` is a host that is declared and that the proxy does not see. */
  readonly step: string
  /** Of the resource, or a number of the route. */
  readonly name: string
  /** What happens here; the English of `text`. */
  readonly detail: string
  /** What happens here. */
  readonly text: {
    /** In English. */
    readonly en: string
    /** In Chinese. */
    readonly zh: string
  }
  /** Share of requests that take this way, 0 to 1; absent where it is all of them. */
  readonly share?: number
  /** Lines that decided it. */
  readonly places: Place[]
}

/** The way of a request through a proxy. */
export type Explanation = {
  /** In order. */
  readonly steps: Step[]
  /** Whether the way ends at endpoints, an answer the proxy gives itself, or nowhere. */
  readonly outcome: 'endpoints' | 'answer' | 'none'
  /** Whether requests come to endpoints, or to an answer that a document gives. False where they end nowhere, and where the proxy refuses a host or a destination that nobody declares or that it does not see. */
  readonly found: boolean
}

/** A port of a service. */
export type ServicePort = {
  /** As callers name it. */
  readonly number: number
  /** As documents name it. */
  readonly name: string
  /** What is spoken there, such as `http` or `tcp`. */
  readonly protocol: string
  /** Where it is served. */
  readonly endpoints: Endpoint[]
}

/** Where a service runs. */
export type Endpoint = {
  /** IP address or host name. */
  readonly address: string
  /** Port at that address. */
  readonly port: number
  /** Its share beside the others. */
  readonly weight: number
  /** As the registry says; what proxies find out is not in it. */
  readonly health: 'healthy' | 'unhealthy' | 'draining'
  /** What subsets select by. */
  readonly labels: {
    readonly [name: string]: string
  }
  /** `region/zone/subzone`; empty when none is set. */
  readonly locality: string
  readonly place: Place
}

/** A kind of documents. */
export type Kind = {
  /** As documents write it. */
  readonly kind: string
  /** API group; empty is the core group of Kubernetes. */
  readonly group: string
  /** The preferred one first. */
  readonly versions: string[]
  /** What it is for. */
  readonly doc: string
  /** Whether documents of the kind change what proxies get. */
  readonly compiled: boolean
}

/** A host of the registry. */
export type Service = {
  /** Full name. */
  readonly hostname: string
  /** Namespace it is declared in. */
  readonly namespace: string
  /** How its addresses are found. */
  readonly resolution: 'STATIC' | 'DNS' | 'DNS_ROUND_ROBIN' | 'DYNAMIC_DNS' | 'NONE'
  /** Whether it is none of the mesh. */
  readonly meshExternal: boolean
  /** Addresses that stand for it. */
  readonly addresses: string[]
  /** Namespaces that see it; `*` is all of them. */
  readonly exportTo: string[]
  /** False while a registry has not been asked for its endpoints: nobody is served them. */
  readonly endpointsKnown: boolean
  /** Its ports. */
  readonly ports: ServicePort[]
  readonly place: Place
}

/** One thing one rule does to services. */
export type Policy = {
  /** What it is about. */
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
    /** Field or destination. */
    readonly name: string
    /** Its value or weight. */
    readonly value: string
  }[]
  /** When it ends by itself. */
  readonly expiresAt?: string
}

/** A service, a way in, or a caller. */
export type TopologyNode = {
  /** Edges name it by this. */
  readonly id: string
  /** service: a host of the registry; gateway: a way in; host: named by a rule and not in the registry; workload: a caller that is no service. */
  readonly kind: 'service' | 'gateway' | 'host' | 'workload'
  /** For people. */
  readonly name: string
  /** Empty where it has none. */
  readonly namespace: string
  /** Where a service runs; of the port with most. */
  readonly endpoints: number
  /** Topics of policies that rules have for it. */
  readonly policies: string[]
}

/** A call, as a rule says or as proxies report. */
export type TopologyEdge = {
  /** Id of the node that calls. */
  readonly from: string
  /** Id of the node that is called. */
  readonly to: string
  /** Whether a rule says so. */
  readonly configured: boolean
  /** Requests that proxies reported; absent when nothing is known. */
  readonly issued?: number
  /** Of these requests, those that failed; absent as `issued`. */
  readonly failed?: number
  /** Of the last minutes; absent where proxies told of no requests. */
  readonly recent?: {
    /** How long the window is; less than asked for where traffic has not been counted that long. */
    readonly seconds: number
    /** Requests. */
    readonly requests: number
    /** Of these, those that failed. */
    readonly failed: number
    /** Half of them took no longer, ms. Absent where no proxy tells how long requests take. */
    readonly p50Ms?: number
    /** 95 of 100 of them took no longer, ms. Absent as `p50Ms`. */
    readonly p95Ms?: number
    /** 99 of 100 of them took no longer, ms. Absent as `p50Ms`. */
    readonly p99Ms?: number
  }
  /** The rule: `<kind>/<namespace>/<name>`. */
  readonly document?: string
}

/** Who calls whom. */
export type Topology = {
  /** Who is there. */
  readonly nodes: TopologyNode[]
  /** Calls between them. */
  readonly edges: TopologyEdge[]
}

/** A private protocol. */
export type MessageProtocol = {
  /** Ports named for it speak it. */
  readonly name: string
  /** The Protocol: `<kind>/<namespace>/<name>`. */
  readonly document: string
  /** Fields that routes may name. */
  readonly fields: string[]
  /** Maps, whose entries routes name as `map.key`. */
  readonly maps: string[]
}

/** What a Protocol document makes of bytes. */
export type DecodedFrames = {
  /** Why the document gives no frames; the bytes were then not looked at. */
  readonly errors: {
    /** Of the field. */
    readonly path: unknown[]
    /** What is wrong. */
    readonly message: string
  }[]
  /** Frames in the order of the bytes. */
  readonly frames: {
    /** Offset of its first byte. */
    readonly at: number
    /** Bytes. */
    readonly length: number
    /** request, response and so on; absent where it has a problem. */
    readonly kind?: string
    /** Why it is no frame that can be used. */
    readonly problem?: string
    /** What joins a reply with its request; absent where it is 0. */
    readonly id?: string
    /** The code of a response; absent where it is 0. */
    readonly status?: number
    /** How long the client waits, ms. */
    readonly timeoutMs?: number
    /** Whether it is an error reply. */
    readonly error: boolean
    /** Whether more frames of the reply follow. */
    readonly more: boolean
    /** In the order of their place in the frame, bytes that no field has among them. */
    readonly fields: {
      /** Absent of bytes that no field has. */
      readonly name?: string
      /** Offset from the first byte of the frame. */
      readonly start: number
      /** The same of the byte behind it. */
      readonly end: number
      /** Its bytes, 100 at most. */
      readonly hex: string
      /** Its value, 200 characters at most. */
      readonly value?: string
      /** The name of the value. */
      readonly label?: string
      /** What the field is to the proxy: length, kind, id and so on. */
      readonly role?: string
      /** Of a checksum that is wrong: what the bytes make. */
      readonly expected?: string
    }[]
  }[]
  /** Whether frames of client and upstream are laid out differently. */
  readonly sided: boolean
  /** Whether there are more frames than are shown. */
  readonly cut: boolean
  /** Where decoding ended before the end of the bytes, and why. */
  readonly stopped?: {
    /** Offset of the bytes that are no frame. */
    readonly at: number
    /** Why they are none. */
    readonly error?: string
    /** Bytes that the frame would need, which is cut off. */
    readonly needs?: number
  }
}

/** A Maglev table as Envoy builds it. */
export type MaglevPreview = {
  /** Slots, a prime. */
  readonly tableSize: number
  /** All endpoints, and what each has of the table. */
  readonly endpoints: {
    /** `address:port` */
    readonly address: string
    /** Its weight beside the others. */
    readonly weight: number
    /** Share of keys, 0 to 1. */
    readonly share: number
    /** Share of keys that go elsewhere when it leaves, its own included. */
    readonly moved: number
  }[]
  /** The keys that were asked for. */
  readonly keys: {
    /** As it was asked for. */
    readonly key: string
    /** Where it goes. */
    readonly address?: string
    /** Where it goes when that endpoint leaves. */
    readonly without?: string
  }[]
}

/** One type of resources of a proxy. */
export type ProxyType = {
  /** Type of resources, by the letters of its discovery service. */
  readonly type: 'cds' | 'eds' | 'lds' | 'rds' | 'vhds' | 'sds' | 'pds' | 'mrds' | 'mlds'
  /** SYNCED: it accepted all there is. STALE: something is on its way. NACK: it refuses something. NOT SENT: nothing was there to send. */
  readonly state: 'SYNCED' | 'STALE' | 'NACK' | 'NOT SENT'
  /** `*` for everything, else the number of names asked for. */
  readonly subscribed: string
  /** The newest response. */
  readonly sent?: {
    /** Its nonce, which also numbers the state of the class. */
    readonly nonce: string
    /** When. */
    readonly at: string
  }
  /** The newest response the proxy accepted. */
  readonly acked?: {
    /** Its nonce, which also numbers the state of the class. */
    readonly nonce: string
    /** When. */
    readonly at: string
  }
  /** Since when a response waits for its answer. */
  readonly unansweredSince?: string
  /** What the proxy refuses, in its own words, and where that comes from. */
  readonly rejected?: {
    /** The proxy's own words. */
    readonly message: string
    /** When it said so. */
    readonly at: string
    /** Names of what it refuses; empty where that is not known. */
    readonly resources: string[]
    /** Where in the documents that comes from. */
    readonly places: Place[]
  }
}

/** A stream of a proxy. */
export type Proxy = {
  /** Node id. */
  readonly node: string
  /** Node cluster, as the proxy says it. */
  readonly cluster: string
  /** `region/zone/subzone`; empty when none is set. */
  readonly locality: string
  /** Program and version, such as `envoy/1.39.3`. */
  readonly userAgent: string
  /** Form of xDS: what differs, or the state of the world. */
  readonly mode: 'delta' | 'sotw'
  /** Address it is connected from. */
  readonly peer: string
  /** Names its certificate proves; absent when it showed none. */
  readonly identities?: string[]
  /** False for one that left in the last minutes. */
  readonly connected: boolean
  /** When it connected. */
  readonly connectedAt: string
  /** When it left. */
  readonly disconnectedAt?: string
  /** The worst of its types. */
  readonly state: 'SYNCED' | 'STALE' | 'NACK' | 'NOT SENT'
  /** What it asks for, by type. */
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

/** A response to a proxy, or its answer to one. */
export type ProxyExchange = {
  /** Type of resources, by the letters of its discovery service. */
  readonly type: 'cds' | 'eds' | 'lds' | 'rds' | 'vhds' | 'sds' | 'pds' | 'mrds' | 'mlds'
  /** Whether it was sent, accepted or refused. */
  readonly event: 'sent' | 'ack' | 'nack'
  /** When. */
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
  /** Name on the wire. */
  readonly name: string
  /** Hash of its bytes. */
  readonly version: string
  /** False while its newest version is on its way. */
  readonly acknowledged: boolean
  /** Where in the documents it comes from. */
  readonly places: Place[]
  /** A message of the Envoy API in canonical protobuf JSON; secrets are redacted. */
  readonly config: {
    readonly [name: string]: unknown
  }
}

/** What a proxy sent, from its load reports; sums since it began to report. */
export type ProxyLoad = {
  /** False when it stopped. */
  readonly reporting: boolean
  /** When the last report came. */
  readonly reportedAt: string
  /** Length of the last interval. */
  readonly intervalMs: number
  /** Clusters it has. */
  readonly clusters: number
  /** Clusters with requests in the last interval. */
  readonly used: number
  /** Requests that were sent, each try for itself, and those that found no connection. */
  readonly issued: number
  /** Of them, those that were answered without an error. */
  readonly succeeded: number
  /** Of them, those that were answered with a server error, or not at all. */
  readonly failed: number
  /** Unfinished at the last report. */
  readonly inProgress: number
  /** Requests the proxy threw away by a circuit breaker or by the drop rules of its load assignment. */
  readonly dropped: number
}

/** What a proxy sent to one cluster. */
export type ClusterLoad = {
  /** Name of the cluster, `outbound|<port>|<subset>|<host>`. */
  readonly cluster: string
  /** When it was first listed. */
  readonly firstReportedAt: string
  /** End of the last interval with requests; a new cluster counts as used. */
  readonly lastUsedAt: string
  /** Requests that were sent, each try for itself, and those that found no connection. */
  readonly issued: number
  /** Of them, those that were answered without an error. */
  readonly succeeded: number
  /** Of them, those that were answered with a server error, or not at all. */
  readonly failed: number
  /** Unfinished at the last report. */
  readonly inProgress: number
  /** Requests the proxy threw away by a circuit breaker or by the drop rules of its load assignment. */
  readonly dropped: number
  /** The same by where the endpoints are; `issued` are those that were sent. */
  readonly localities: {
    /** `region/zone/subzone`; empty when endpoints have none. */
    readonly locality: string
    /** Requests that were sent, each try for itself, and those that found no connection. */
    readonly issued: number
    /** Of them, those that were answered without an error. */
    readonly succeeded: number
    /** Of them, those that were answered with a server error, or not at all. */
    readonly failed: number
    /** Unfinished at the last report. */
    readonly inProgress: number
  }[]
}

/** What all proxies sent to one cluster. */
export type ClusterTotals = {
  /** Name of the cluster, `outbound|<port>|<subset>|<host>`. */
  readonly cluster: string
  /** Requests that were sent, each try for itself, and those that found no connection. */
  readonly issued: number
  /** Of them, those that were answered without an error. */
  readonly succeeded: number
  /** Of them, those that were answered with a server error, or not at all. */
  readonly failed: number
  /** Unfinished at the last report. */
  readonly inProgress: number
  /** Requests the proxy threw away by a circuit breaker or by the drop rules of its load assignment. */
  readonly dropped: number
}

/** Traffic of one service in a window of time. */
export type ServiceFigures = {
  /** Full name of the service. */
  readonly hostname: string
  /** HTTP requests that came to an end, messages, or TCP connections that were asked for. */
  readonly requests: number
  /** Server errors and no answers, of these requests. */
  readonly failed: number
  /** Half of them took no longer, ms. Absent where no proxy tells how long requests take. */
  readonly p50Ms?: number
  /** 95 of 100 of them took no longer, ms. Absent as `p50Ms`. */
  readonly p95Ms?: number
  /** 99 of 100 of them took no longer, ms. Absent as `p50Ms`. */
  readonly p99Ms?: number
}

/** Traffic of one service in a window of time, by cluster and by time. */
export type ServiceCourse = {
  /** Full name of the service. */
  readonly hostname: string
  /** Where the window begins. */
  readonly from: string
  /** How long it is: less than asked for where counters have not been read that long. */
  readonly seconds: number
  /** How many proxies have their counters read; the others send load reports. */
  readonly reading: number
  /** HTTP requests that came to an end, messages, or TCP connections that were asked for. */
  readonly requests: number
  /** Server errors and no answers, of these requests. */
  readonly failed: number
  /** Half of them took no longer, ms. Absent where no proxy tells how long requests take. */
  readonly p50Ms?: number
  /** 95 of 100 of them took no longer, ms. Absent as `p50Ms`. */
  readonly p95Ms?: number
  /** 99 of 100 of them took no longer, ms. Absent as `p50Ms`. */
  readonly p99Ms?: number
  /** Its clusters with requests, by name. */
  readonly clusters: {
    /** `outbound|<port>|<subset>|<host>`. */
    readonly cluster: string
    /** That came to an end. */
    readonly requests: number
    /** Of these. */
    readonly failed: number
  }[]
  /** Steps of five seconds with requests, the oldest first. */
  readonly steps: {
    /** ms since 1970. */
    readonly at: number
    /** HTTP requests that came to an end, messages, or TCP connections that were asked for. */
    readonly requests: number
    /** Server errors and no answers, of these requests. */
    readonly failed: number
    /** Half of them took no longer, ms. Absent where no proxy tells how long requests take. */
    readonly p50Ms?: number
    /** 95 of 100 of them took no longer, ms. Absent as `p50Ms`. */
    readonly p95Ms?: number
    /** 99 of 100 of them took no longer, ms. Absent as `p50Ms`. */
    readonly p99Ms?: number
  }[]
}

/** What one workload sent to one cluster, counted from access logs since the control plane began to take them. */
export type Edge = {
  /** The workload that called. */
  readonly caller: {
    /** Its name. */
    readonly workload: string
    /** Its namespace. */
    readonly namespace: string
  }
  /** Empty when none was chosen. */
  readonly cluster: string
  /** Of an outbound cluster. */
  readonly host?: string
  /** Of an outbound cluster. */
  readonly port?: number
  /** Of an outbound cluster; absent when it has none. */
  readonly subset?: string
  /** HTTP requests. */
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
  /** Bytes of TCP connections to the client. */
  readonly sent: number
  /** When the last one was reported. */
  readonly lastSeenAt: string
  /** Of the asked window. */
  readonly recent: {
    /** Requests and connections. */
    readonly requests: number
    /** Of these: server errors and no answers. */
    readonly errors: number
    /** Sum. */
    readonly durationMs: number
    /** Half of them took no longer, ms. Absent where no proxy tells how long requests take. */
    readonly p50Ms?: number
    /** 95 of 100 of them took no longer, ms. Absent as `p50Ms`. */
    readonly p95Ms?: number
    /** 99 of 100 of them took no longer, ms. Absent as `p50Ms`. */
    readonly p99Ms?: number
  }
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
  /** Below the folder of configuration. */
  readonly file: string
  /** As complaints and places name it. */
  readonly path: string
  /** The newest revision that changed it, up to the one that was asked for. */
  readonly revision: number
  /** SHA-256 of its bytes. */
  readonly hash: string
  /** Absent when it is no UTF-8, or holds private keys the caller may not see. */
  readonly text?: string
  /** Why the text is absent. */
  readonly withheld?: 'secret' | 'binary'
}

/** A file in a change. */
export type ChangedFile = {
  /** Below the folder of configuration. */
  readonly file: string
  /** What becomes of the file. */
  readonly change: 'added' | 'changed' | 'deleted'
  /** Unified; absent when it is withheld. */
  readonly diff?: string
  /** Why the text is absent. */
  readonly withheld?: 'secret' | 'binary'
}

/** A step in the history. */
export type Revision = {
  /** Its number; later ones are greater. */
  readonly id: number
  /** The revision before; absent for the first. */
  readonly parent?: number
  /** When it was made. */
  readonly at: string
  /** Who made it. */
  readonly who: string
  /** The reason that was given; may be empty. */
  readonly why: string
  /** How it came: over the API, by a change of the files, as a way back, or because its time was over. */
  readonly source: 'api' | 'files' | 'rollback' | 'expiry'
  /** The revision a rollback went back to, or took back. */
  readonly refers?: number
  /** What it changed. */
  readonly files: {
    /** Below the folder of configuration. */
    readonly file: string
    /** What becomes of the file. */
    readonly change: 'added' | 'changed' | 'deleted'
  }[]
}

/** An object in force. */
export type Rule = {
  /** `<kind>/<namespace>/<name>` */
  readonly key: string
  /** Its kind. */
  readonly kind: string
  /** Its namespace. */
  readonly namespace: string
  /** Its name. */
  readonly name: string
  /** Hosts it is for, 10 at most; of message routes the services they lead to. */
  readonly hosts: string[]
  /** Below the folder of configuration; absent for what does not come from it. */
  readonly file?: string
  /** The file as complaints and places name it. */
  readonly path: string
  /** Where its document begins, from 1. */
  readonly line: number
  /** Complaints about it that are errors. */
  readonly errors: number
  /** Complaints about it that are warnings. */
  readonly warnings: number
  /** The newest revision that changed its file. */
  readonly changed?: {
    /** Its number. */
    readonly revision: number
    /** When it was made. */
    readonly at: string
    /** Who made it. */
    readonly who: string
  }
}

/** One thing a change does, in words. */
export type Meaning = {
  /** What changes: `<kind>/<namespace>/<name>`. */
  readonly object: string
  /** What it is about, such as `fault` or `new`. */
  readonly topic: string
  /** What the change does. */
  readonly text: {
    /** In English. */
    readonly en: string
    /** In Chinese. */
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
  /** How many there are. */
  readonly proxies: number
  /** By type of resources, those that change. */
  readonly types: {
    /** By the letters of its discovery service. */
    readonly type: string
    /** Names that come. */
    readonly added: string[]
    /** Names whose content changes. */
    readonly changed: string[]
    /** Names that go. */
    readonly removed: string[]
  }[]
}

/** What a change would do. */
export type Plan = {
  /** Identifies the plan; to be sent with apply. */
  readonly plan: string
  /** The newest revision when it was planned. */
  readonly base: number
  /** Files it changes. */
  readonly files: ChangedFile[]
  /** Complaints about the configuration as it would be. */
  readonly diagnostics: Diagnostic[]
  /** Errors that are not there now; with any, apply refuses. */
  readonly newErrors: Diagnostic[]
  /** What it does, in words. */
  readonly meaning: Meaning[]
  /** What changes on the wire. */
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
  /** Stable, for programs. */
  readonly code: string
  /** For people. */
  readonly message: string
  /** The newest one; the base of the next attempt. */
  readonly revision?: number
  /** The files, each in three versions. */
  readonly conflicts?: {
    /** Below the folder of configuration. */
    readonly file: string
    /** As it was when the change was begun; absent: not there, or withheld. */
    readonly base?: string
    /** As somebody else made it; absent: not there, or withheld. */
    readonly theirs?: string
    /** As this change would make it; absent: not there, or withheld. */
    readonly mine?: string
  }[]
}

/** Traffic of the services a revision touches, before it was in force and after. */
export type RevisionFigures = {
  /** Its number. */
  readonly revision: number
  /** When it was applied. */
  readonly appliedAt: string
  /** When the figures of five minutes are complete. */
  readonly until: string
  /** Proxies whose counters are read. */
  readonly reading: number
  /** Services that are touched besides and left out. */
  readonly more: number
  /** Services it touches. */
  readonly services: {
    /** Full name of the service. */
    readonly hostname: string
    /** Before it was applied. */
    readonly before: {
      /** How long it is. */
      readonly seconds: number
      /** HTTP requests that came to an end, messages, or TCP connections that were asked for. */
      readonly requests: number
      /** Server errors and no answers, of these requests. */
      readonly failed: number
      /** Half of them took no longer, ms. Absent where no proxy tells how long requests take. */
      readonly p50Ms?: number
      /** 95 of 100 of them took no longer, ms. Absent as `p50Ms`. */
      readonly p95Ms?: number
      /** 99 of 100 of them took no longer, ms. Absent as `p50Ms`. */
      readonly p99Ms?: number
    }
    /** Since it was applied. */
    readonly after: {
      /** How long it is. */
      readonly seconds: number
      /** HTTP requests that came to an end, messages, or TCP connections that were asked for. */
      readonly requests: number
      /** Server errors and no answers, of these requests. */
      readonly failed: number
      /** Half of them took no longer, ms. Absent where no proxy tells how long requests take. */
      readonly p50Ms?: number
      /** 95 of 100 of them took no longer, ms. Absent as `p50Ms`. */
      readonly p95Ms?: number
      /** 99 of 100 of them took no longer, ms. Absent as `p50Ms`. */
      readonly p99Ms?: number
    }
    /** Of both windows, where there were requests. */
    readonly steps: {
      /** ms since 1970. */
      readonly at: number
      /** HTTP requests that came to an end, messages, or TCP connections that were asked for. */
      readonly requests: number
      /** Server errors and no answers, of these requests. */
      readonly failed: number
      /** Half of them took no longer, ms. Absent where no proxy tells how long requests take. */
      readonly p50Ms?: number
      /** 95 of 100 of them took no longer, ms. Absent as `p50Ms`. */
      readonly p95Ms?: number
      /** 99 of 100 of them took no longer, ms. Absent as `p50Ms`. */
      readonly p99Ms?: number
    }[]
  }[]
}

/** How far a revision has come. */
export type Convergence = {
  /** Its number. */
  readonly revision: number
  /** Its files have been read. */
  readonly inForce: boolean
  /** Another revision came later; these are the states of that moment. */
  readonly superseded: boolean
  /** How many proxies are in each state. */
  readonly counts: {
    /** Not sent to them yet. */
    readonly waiting: number
    /** Sent, and not answered. */
    readonly sent: number
    /** They accepted it. */
    readonly ACK: number
    /** They refuse it. */
    readonly NACK: number
    /** They left meanwhile. */
    readonly offline: number
  }
  /** Proxies that get something that changes. */
  readonly proxies: {
    /** Node id. */
    readonly node: string
    /** How far the revision has come there, as `counts` says. */
    readonly state: 'waiting' | 'sent' | 'ACK' | 'NACK' | 'offline'
    /** What it refuses, and why; absent where it does not. */
    readonly rejected?: {
      /** Type of resources, by the letters of its discovery service. */
      readonly type: string
      /** The proxy's own words. */
      readonly message: string
      /** Where in the documents that comes from. */
      readonly places: Place[]
    }
  }[]
}

/** Who is asking. */
export type Session = {
  /** Name; `local` where no users are defined. */
  readonly user: string
  /** Viewers read and plan, editors apply, admins manage users. */
  readonly role: 'viewer' | 'editor' | 'admin'
  /** How that is known; open: no users are defined, and this is loopback. */
  readonly via: 'open' | 'session' | 'token' | 'certificate'
  /** To be sent as x-csrf-token with every write of this session. */
  readonly csrf?: string
  /** Nobody can change the configuration here, whatever their role: another process keeps its history. */
  readonly readOnly?: {
    /** Why. */
    readonly reason: string
    /** Where it can be changed, if that is known. */
    readonly api?: string
  }
}

/** Somebody who may log in. */
export type User = {
  /** To log in with. */
  readonly name: string
  /** Viewers read and plan, editors apply, admins manage users. */
  readonly role: 'viewer' | 'editor' | 'admin'
  /** When the user was added. */
  readonly created: string
}

/** A token of a script. */
export type Token = {
  /** To revoke it by; not its secret. */
  readonly id: string
  /** What it is for. */
  readonly name: string
  /** Who made it; absent where no users were defined. */
  readonly user?: string
  /** Viewers read and plan, editors apply, admins manage users. */
  readonly role: 'viewer' | 'editor' | 'admin'
  /** When it was made. */
  readonly created: string
  /** When it ends; absent: never. */
  readonly expires?: string
}

/** Who did or tried what. */
export type AuditEntry = {
  /** Its number; later ones are greater. */
  readonly id: number
  /** When. */
  readonly at: string
  /** User or token; empty where that is not known. */
  readonly who: string
  /** Address it came from. */
  readonly peer: string
  /** `POST /api/v1/apply` */
  readonly action: string
  /** What became of it. */
  readonly outcome: 'done' | 'refused' | 'failed'
  /** What more there is to say. */
  readonly detail: string
  /** How often the same happened within a moment; counted as one entry. */
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
              /** One for each stream. */
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
              /** One for each stream. */
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
              /** Node id. */
              readonly node: string
              /** Newest first. */
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
              /** Node id. */
              readonly node: string
              /** As it has them, by name. */
              readonly clusters?: HeldConfig[]
              /** As it has them, by name. */
              readonly endpoints?: HeldConfig[]
              /** As it has them, by name. */
              readonly listeners?: HeldConfig[]
              /** As it has them, by name. */
              readonly routes?: HeldConfig[]
              /** As it has them, by name. */
              readonly virtualHosts?: HeldConfig[]
              /** As it has them, by name. */
              readonly secrets?: HeldConfig[]
              /** As it has them, by name. */
              readonly protocols?: HeldConfig[]
              /** As it has them, by name. */
              readonly messageRoutes?: HeldConfig[]
              /** As it has them, by name. */
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
              /** Busiest first. */
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
              /** Busiest first. */
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
              /** Busiest in the window first. */
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
              /** Services with requests in the window. */
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
  '/api/v1/services/{hostname}/figures': {
    get: {
      parameters: { query?: { window?: number }; header?: never; path: { hostname: string }; cookie?: never }
      requestBody?: never
      responses: {
        200: { headers: { [name: string]: unknown }; content: { 'application/json': ServiceCourse } }
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
              /** All that are known. */
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
  '/api/v1/protocols': {
    get: {
      parameters: { query?: never; header?: never; path?: never; cookie?: never }
      requestBody?: never
      responses: {
        200: {
          headers: { [name: string]: unknown }
          content: {
            'application/json': {
              /** By name. */
              readonly protocols: MessageProtocol[]
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
  '/api/v1/protocols/decode': {
    get?: never
    put?: never
    post: {
      parameters: { query?: never; header?: never; path?: never; cookie?: never }
      requestBody: {
        content: {
          'application/json': {
            /** The document as JSON, applied or not. */
            readonly document: {
              /** It must be Protocol. */
              readonly kind: 'Protocol'
              readonly [name: string]: unknown
            }
            /** The bytes as digits, or as a dump that xxd or hexdump makes; 65536 bytes at most. */
            readonly hex: string
            /** Whose bytes they are, for protocols whose frames do not say it. */
            readonly from?: 'client' | 'upstream'
          }
        }
      }
      responses: {
        200: { headers: { [name: string]: unknown }; content: { 'application/json': DecodedFrames } }
        default: { headers: { [name: string]: unknown }; content: { 'application/json': Error } }
      }
    }
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
              /** By hostname. */
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
              /** One for each namespace that declares it. */
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
              /** By precedence of their documents. */
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
      parameters: { query?: { window?: number }; header?: never; path?: never; cookie?: never }
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
              /** In the order they were named. */
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
              /** How many things are believed now. */
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
              /** What the proxy would get, by name. */
              readonly clusters?: {
                readonly [name: string]: unknown
              }[]
              /** What the proxy would get, by name. */
              readonly endpoints?: {
                readonly [name: string]: unknown
              }[]
              /** What the proxy would get, by name. */
              readonly listeners?: {
                readonly [name: string]: unknown
              }[]
              /** What the proxy would get, by name. */
              readonly routes?: {
                readonly [name: string]: unknown
              }[]
              /** What the proxy would get, by name. */
              readonly virtualHosts?: {
                readonly [name: string]: unknown
              }[]
              /** What the proxy would get, by name. */
              readonly secrets?: {
                readonly [name: string]: unknown
              }[]
              /** What the proxy would get, by name. */
              readonly protocols?: {
                readonly [name: string]: unknown
              }[]
              /** What the proxy would get, by name. */
              readonly messageRoutes?: {
                readonly [name: string]: unknown
              }[]
              /** What the proxy would get, by name. */
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
              /** Objects in force. */
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
              /** The newest revision. */
              readonly revision: number
              /** By name. */
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
              /** Newest first. */
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
              /** By name. */
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
              /** Everybody who may log in. */
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
              /** Those that were not revoked. */
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
              /** The token itself; shown this once. */
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
              /** Newest first. */
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
