import type { Severity } from './diagnostic.ts'

/** What a diagnostic code stands for; docs/diagnostics.md is made of this table. */
export interface CodeEntry {
  readonly severity: Severity
  readonly title: string
  readonly explanation: string
  /** What the reader should do. */
  readonly action: string
}

const entry = (severity: Severity, title: string, explanation: string, action: string): CodeEntry => ({
  severity,
  title,
  explanation,
  action,
})

/** Every code, by the room that reports it: documents first, then relations between documents. Codes are stable. */
export const CODES = {
  DOCUMENT_INVALID: entry(
    'error',
    'Document is no object',
    'The document is not a mapping with `apiVersion`, `kind` and `metadata`.',
    'Write the three keys at the top of the document, or remove it.',
  ),
  DOCUMENT_TOO_LARGE: entry(
    'error',
    'Document is too large',
    'The document is nested too deeply or has too many values (aliases count as often as they are used).',
    'Split the document; generated lists of endpoints belong into WorkloadEntry documents.',
  ),
  TOO_MANY_PROBLEMS: entry(
    'info',
    'More problems than shown',
    'Only the first problems of the document are listed.',
    'Correct those listed and look again.',
  ),
  METADATA_INVALID: entry(
    'error',
    'Metadata is wrong',
    'Name, namespace, labels or annotations do not have the form Kubernetes demands.',
    'Use lower-case DNS names for name and namespace, strings for labels and annotations.',
  ),
  METADATA_UNUSUAL: entry(
    'warning',
    'Name would not do in Kubernetes',
    'The name of the object is used as it is, but Kubernetes would refuse it.',
    'Use lower-case letters, digits, "-" and ".".',
  ),
  OBJECT_DUPLICATE: entry(
    'error',
    'The same object twice',
    'Two documents have the same kind, namespace and name. The one named first stays in force.',
    'Remove or rename one of them.',
  ),
  KIND_UNKNOWN: entry(
    'warning',
    'Kind is unknown',
    'No kind of this name is known; the document has no effect.',
    'Check the spelling of `kind` and the group in `apiVersion`.',
  ),
  KIND_IGNORED: entry(
    'warning',
    'Kind is ignored',
    'The document is for Kubernetes itself or for another program in it. Services and workloads come from ServiceEntry and WorkloadEntry documents here.',
    'Describe the service as a ServiceEntry, or ignore the warning.',
  ),
  KIND_NOT_COMPILED: entry(
    'warning',
    'Kind is checked but not compiled yet',
    'The document is checked completely, but it does not change what proxies get.',
    'Do not rely on its effect.',
  ),
  KIND_VERSION: entry(
    'error',
    'Version or group of the kind is wrong',
    'The kind exists, but not in this version or group.',
    'Use one of the versions the message names.',
  ),
  KIND_LIST: entry(
    'error',
    'List without items',
    'A List holds objects in the list `items`, as `kubectl get -o yaml` prints them; each is read as a document of its own.',
    'Write its objects below `items`, or take the List away.',
  ),
  FIELD_UNKNOWN: entry(
    'warning',
    'Field is unknown',
    'The kind has no field of this name; it has no effect.',
    'Check spelling and indentation.',
  ),
  FIELD_REQUIRED: entry(
    'error',
    'Field is missing',
    'The field must be set. One that is written without a value, or as null, counts as absent, as in Kubernetes.',
    'Add it; docs/kinds.md tells what it means.',
  ),
  FIELD_TYPE: entry(
    'error',
    'Value has the wrong type',
    'The value is, for example, a number where a text is expected, or an item of a list is null.',
    'Change the value; quote texts that look like numbers; remove items without a value.',
  ),
  FIELD_VALUE: entry(
    'error',
    'Value is not allowed',
    'The value has the right type but breaks a rule of the field.',
    'The message names the rule.',
  ),
  FIELD_CONFLICT: entry(
    'error',
    'Fields exclude each other',
    'Fields are set together that exclude each other.',
    'Keep one of them.',
  ),
  FIELD_UNSUPPORTED: entry(
    'warning',
    'Field is not supported',
    'The field is checked but does not change what proxies get; the message says why.',
    'Do not rely on its effect.',
  ),
  FIELD_DEPRECATED: entry(
    'warning',
    'Field or value is deprecated',
    'There is a newer way to say the same.',
    'Use what the message names.',
  ),
  FIELD_NO_EFFECT: entry(
    'warning',
    'Setting has no effect',
    'The setting is allowed but something else makes it ineffective.',
    'Remove it, or what overrides it.',
  ),
  FIELD_QUESTIONABLE: entry(
    'warning',
    'Setting is probably a mistake',
    'The setting is allowed but rarely what was meant.',
    'Look at the message and the reference of the field.',
  ),
  SECRET_INVALID: entry(
    'error',
    'Secret cannot be used',
    'A value is no base64, the certificate or the key cannot be read, or they do not belong together.',
    'Put a PEM certificate chain into tls.crt and its private key into tls.key.',
  ),
  ENVOY_FIELD_UNKNOWN: entry(
    'error',
    'Envoy message has no such field',
    'A raw Envoy message has a key that its type does not have.',
    "Check the spelling in Envoy's API reference.",
  ),
  ENVOY_TYPE_UNKNOWN: entry(
    'error',
    'Envoy type is unknown',
    'The `@type` of a raw Envoy message names no type that the proxies know, or is missing.',
    'Write `type.googleapis.com/` and the full name of the message, API version 3.',
  ),
  ENVOY_VALUE: entry(
    'error',
    'Value does not fit the Envoy field',
    'A value of a raw Envoy message cannot be read as the type of its field.',
    'Write it in the JSON form of its protobuf type.',
  ),
  ENVOY_RULE: entry(
    'error',
    'Envoy would refuse the value',
    "A value of a raw Envoy message breaks a rule that Envoy's API states for the field.",
    'The message names the rule.',
  ),
  ENVOY_LOAD_REPORTS: entry(
    'warning',
    'Statistics by endpoint exclude load reports',
    'Envoy refuses a cluster with `per_endpoint_stats` when its bootstrap says where to report load.',
    'Start these proxies with `meshgate bootstrap --no-load-reports`, or `loadReports: false` in the proxies of the Mesh document.',
  ),
  MESH_DUPLICATE: entry(
    'error',
    'More than one Mesh document',
    'The settings of the mesh can be stated once. The Mesh document named first is in force.',
    'Merge the documents.',
  ),
  HOST_NOT_FOUND: entry(
    'error',
    'Destination host does not exist',
    'A route sends traffic to a host that no ServiceEntry declares; requests fail with 503.',
    'Declare the host with a ServiceEntry or correct the name. A short name is looked up in the namespace of the document.',
  ),
  HOST_NOT_VISIBLE: entry(
    'error',
    'Destination host is not exported here',
    'The host exists, but its exportTo hides it from the namespace of this document.',
    'Extend exportTo of the ServiceEntry.',
  ),
  SUBSET_NOT_FOUND: entry(
    'error',
    'Subset does not exist',
    'A route names a subset that no DestinationRule of the host declares; requests fail with 503.',
    'Add the subset to the DestinationRule of the host.',
  ),
  DESTINATION_PORT_REQUIRED: entry(
    'error',
    'Destination needs a port',
    'The service has several ports and the route does not say which to use.',
    'Set destination.port.number.',
  ),
  DESTINATION_PORT_NOT_FOUND: entry(
    'error',
    'Destination port does not exist',
    'The service has no port of this number.',
    'Use a port that the ServiceEntry declares.',
  ),
  GATEWAY_NOT_FOUND: entry(
    'error',
    'Gateway does not exist',
    'A VirtualService names a gateway that is not declared; its routes are not served there.',
    'Add the Gateway or correct the name; a gateway of another namespace is written namespace/name.',
  ),
  GATEWAY_HOST_MISMATCH: entry(
    'warning',
    'Gateway does not expose the host',
    'No server of the gateway has a host that covers the host of the VirtualService (or its namespace is not allowed).',
    'Add the host to a server of the gateway.',
  ),
  GATEWAY_PORT_CONFLICT: entry(
    'error',
    'Gateway servers clash on a port',
    'Servers of the same proxies use one port with protocols that exclude each other.',
    'Give one of them another port.',
  ),
  GATEWAY_SERVER_EMPTY: entry(
    'warning',
    'Server of a gateway leads nowhere',
    'No service can be reached through the server, so it opens no port.',
    'Widen the hosts of the server, or set `location: MESH_INTERNAL` on the services of the mesh.',
  ),
  GATEWAY_HOST_CONFLICT: entry(
    'warning',
    'Gateway servers clash on a host',
    'Servers of the same proxies and the same port have the same host; only the first one gets its traffic.',
    'Remove the host from one of the servers.',
  ),
  SECRET_NOT_FOUND: entry(
    'error',
    'Secret does not exist',
    'credentialName names a Secret that is not declared in the namespace; the listener or cluster has no certificate.',
    'Add the Secret in the namespace of the document.',
  ),
  SECRET_KEY_MISSING: entry(
    'error',
    'Secret lacks a value',
    'The Secret that credentialName names lacks a key this TLS mode needs.',
    'Add tls.crt and tls.key (or cert and key), and ca.crt (or cacert) for mutual TLS.',
  ),
  CERTIFICATE_NOT_VALID: entry(
    'error',
    'Certificate is not valid now',
    'A certificate in the Secret has expired, or is not valid yet: who is shown it ends the handshake. Of authorities, all have.',
    'Put a renewed certificate (and its key) into the Secret.',
  ),
  CERTIFICATE_EXPIRES: entry(
    'warning',
    'Certificate ends soon',
    'A certificate in the Secret ends within 14 days, or is in the last sixth of a shorter life. Renewal has failed, or nobody does it.',
    'Put a renewed certificate (and its key) into the Secret.',
  ),
  GATEWAY_CERTIFICATE_HOST: entry(
    'warning',
    'Certificate is not for the host',
    'None of the certificates a server of a gateway shows has the name of this host: clients that check it end the handshake.',
    'Name the Secret with a certificate for the host, or correct the host.',
  ),
  TLS_NO_VERIFICATION: entry(
    'info',
    'No CA is named for a host',
    'TLS to the host is on, and the rule names no CA: the certificate must be signed by one that the machine of the proxy trusts. A CA of your own is not among them by itself; connections then fail.',
    'For a public host, nothing; `caCertificates: system` says that it is meant. Else set caCertificates or credentialName.',
  ),
  MUTUAL_TLS_NO_IDENTITY: entry(
    'warning',
    'ISTIO_MUTUAL needs workload certificates',
    'ISTIO_MUTUAL takes certificates from the identity of the workload. meshgate issues none, and the Mesh document does not say where proxies find theirs: a host cannot be reached, a gateway server opens no port.',
    'Name the files in workloadCertificates of the Mesh document (or in the rule), or use MUTUAL, SIMPLE or DISABLE.',
  ),
  DELEGATE_NOT_FOUND: entry(
    'error',
    'Delegate does not exist',
    'A route goes on in a VirtualService that is not declared or has errors; the route is left out.',
    'Add the VirtualService or correct name and namespace.',
  ),
  DELEGATE_INVALID: entry(
    'error',
    'Delegate cannot be used',
    'The delegate has hosts of its own, delegates again (to another or, in a circle, to itself), or is not exported here.',
    'Delegate to a VirtualService without hosts and without delegates.',
  ),
  DELEGATE_UNUSED: entry(
    'warning',
    'Nobody delegates here',
    'The VirtualService has no hosts, so it is a delegate, but no other VirtualService delegates to it.',
    'Add hosts, or a delegate that names it.',
  ),
  ROUTE_UNREACHABLE: entry(
    'warning',
    'Rule is never used',
    'Rules before it match everything it could match.',
    'Move the rule up or remove it.',
  ),
  MATCH_SHADOWED: entry(
    'warning',
    'Match is never used',
    'An earlier match covers everything this one could match.',
    'Move the more specific match up or remove it.',
  ),
  MATCH_NEVER_TRUE: entry(
    'warning',
    'Match can never be true',
    "The condition cannot hold where the rule applies, or not as it is meant: labels at a gateway are its own, not the caller's.",
    'Bind the rule to `mesh`, or remove the condition.',
  ),
  WEIGHTS_NOT_100: entry(
    'info',
    'Weights do not sum to 100',
    'Shares are relative to their sum, so a weight is no percentage here.',
    'Let the weights sum to 100 if percentages were meant.',
  ),
  VIRTUAL_SERVICE_OVERLAP: entry(
    'warning',
    'Several VirtualServices for one host',
    'Several VirtualServices have the same host. Sidecars use only the first: one that its own namespace keeps to itself, else one exported to some namespaces, else one for all; of equals the oldest.',
    'Merge the documents, or use delegates.',
  ),
  VIRTUAL_SERVICE_MERGED: entry(
    'info',
    'VirtualServices are merged',
    'Several VirtualServices have the same host at the same gateway. Their rules are put behind each other: what is exported to fewer first, of equals the oldest.',
    'Nothing, when the order does not matter; else merge the documents.',
  ),
  DESTINATION_RULE_CONFLICT: entry(
    'warning',
    'Several DestinationRules for one host',
    'Several DestinationRules have the same host, namespace and selector: subsets are merged, of traffic policies only the first counts. With different exportTo they are not merged, and who sees both gets the younger.',
    'Merge the documents.',
  ),
  DESTINATION_RULE_HOST_NOT_FOUND: entry(
    'warning',
    'DestinationRule for an unknown host',
    'No ServiceEntry has the host of the rule, so it has no effect.',
    'Correct the host or declare the service.',
  ),
  SUBSET_EMPTY: entry(
    'warning',
    'Subset selects no endpoint',
    'No endpoint of the host has the labels of the subset; requests to it fail with 503.',
    'Correct the labels of the subset or of the endpoints.',
  ),
  SELECTOR_EMPTY: entry(
    'warning',
    'Selector selects nothing',
    'No workload in reach has the labels of the selector.',
    'Correct the labels; they must all be equal.',
  ),
  SERVICE_ENTRY_NO_ENDPOINTS: entry(
    'warning',
    'Service has no endpoints',
    'A service with STATIC resolution has neither endpoints nor workloads its selector finds; requests fail with 503.',
    'Add endpoints, or WorkloadEntries with the labels of the selector.',
  ),
  SERVICE_ENTRY_PROTOCOL_CONFLICT: entry(
    'warning',
    'One port with two protocols',
    'ServiceEntries declare the same host and port with different protocols; the first one counts.',
    'Use one protocol.',
  ),
  SERVICE_ENTRY_MERGED: entry(
    'warning',
    'ServiceEntries of one host differ',
    'ServiceEntries of one namespace for the same host are one service: ports and endpoints add up, but exportTo, resolution and location are those of the oldest (by metadata.creationTimestamp, then name).',
    'Say the same in all of them, or give the younger ones hosts of their own.',
  ),
  TCP_PORT_CLASH: entry(
    'warning',
    'TCP services cannot be told apart',
    'Services share a TCP port, or a port of a private protocol, and an address of loopback; a sidecar can listen there for only one of them.',
    'Give each an address of loopback of its own (addresses: [127.0.1.1]) or another port, or keep them apart with Sidecar documents.',
  ),
  SIDECAR_CONFLICT: entry(
    'error',
    'Several Sidecars for one workload',
    'More than one Sidecar of the namespace applies to the same workloads; only the first is used.',
    'Keep one without workloadSelector, and make selectors exclusive.',
  ),
  SIDECAR_HOST_NOT_FOUND: entry(
    'warning',
    'Sidecar imports an unknown host',
    'No service with this host is visible in that namespace.',
    'Correct namespace or host of the egress entry.',
  ),
  SIDECAR_PORT_NOT_FOUND: entry(
    'warning',
    'Sidecar listener without a service',
    'An HTTP listener with a port imports those services of its hosts that have this port, and none has.',
    'Take a port of the service, or protocol HTTP_PROXY, where the authority tells host and port.',
  ),
  LISTENER_PORT_CLASH: entry(
    'error',
    'Port is taken',
    'A listener uses a port that another listener of the same proxy already has.',
    'Choose another port; `httpPort` of the Mesh document moves the HTTP proxy port.',
  ),
  LISTENER_LOOP: entry(
    'warning',
    'Port leads to itself',
    'What a listener passes connections on to is the address it listens on: each would open the next one. The port of a Sidecar, or of a service with such an endpoint, is not opened; the endpoint of a gateway server is ignored. Istio has the traffic of a workload captured, and binds to the address of the workload where it has not.',
    'Let the workload listen on another port, or bind the listener to an address of the machine other than loopback.',
  ),
  PROXY_PORT_SHARED: entry(
    'warning',
    'Sidecars share a port',
    'Two sidecars that `meshgate up` starts on this machine offer their HTTP proxy on the same port; a connection reaches either of them.',
    'Give one of them `HTTP_PROXY_PORT` in its metadata, or set `httpPort: 0` in the Mesh document.',
  ),
  HASH_NO_EFFECT: entry(
    'warning',
    'Consistent hash has no effect',
    'Something overrides the consistent hash, or nothing gives it a key to hash.',
    'Keep only one of the settings.',
  ),
  PROTOCOL_NOT_FOUND: entry(
    'warning',
    'Protocol does not exist',
    'A port, MsgRouter or ApplicationProtocol names a private protocol that no Protocol document describes and that does not come with the package. The port is not opened for messages.',
    'Add a Protocol document of that name, or correct the name.',
  ),
  PROTOCOL_FIELD_NOT_FOUND: entry(
    'warning',
    'No protocol has the field',
    'A MsgRouter looks at a field that no protocol declares, or at fields that no protocol has together: it is in force nowhere. A limit that looks at such a field never counts, and a change of one is not made.',
    'Declare the field in the Protocol document, or correct the name.',
  ),
  PROTOCOL_VALUE_IMPOSSIBLE: entry(
    'warning',
    'No message has the value',
    'A MsgRouter looks for a value that its field cannot have, or writes one: a number beyond the width of the field, a word that is none of its names, a range where it is a text. No message meets such a condition, and none is changed.',
    'Correct the value, or the type of the field in the Protocol document.',
  ),
  MSG_ROUTE_OVERLAP: entry(
    'warning',
    'Message ids are taken by another rule',
    'Another MsgRouter takes the same message ids and comes first: it has the greater priority, or is narrower (exact ids before ranges), or is older.',
    'Set `priority` on the one that shall win, or remove one of them.',
  ),
  MSG_ROUTE_NARROWED: entry(
    'info',
    'A part of the message ids is taken by another rule',
    'Another MsgRouter that comes first takes a part of these message ids. That is how an exception to a range is written.',
    'Nothing, when it is meant.',
  ),
  SPEAKS_FIRST_NO_ROUTE: entry(
    'warning',
    'Servers speak first, and no route chooses one',
    'The protocol has `speaksFirst: upstream`, so the proxy chooses the upstream when a client comes, before anything is known of its messages. Only a route without a condition can say which; there is none here, and every client is closed.',
    'Add a MsgRouter with the protocol, a destination and neither `msgid` nor `match`.',
  ),
  XDS_REJECTED: entry(
    'error',
    'A proxy refused a resource',
    'A proxy answered that it cannot use what was compiled of this document. Its last accepted version is served instead; a refusal by only a part of the proxies is a warning. An address that a machine does not let a proxy open is a warning, too, and held back from nobody else.',
    'Read what the proxy says; it is about the field named, or about a feature its version does not have.',
  ),
  TLS_NO_WORKLOAD_CERTIFICATE: entry(
    'error',
    'No workload certificate for ISTIO_MUTUAL',
    'The Mesh document names no workload certificates, and the rule no files; the cluster gets no endpoints.',
    'Name files on the machines of proxies, in workloadCertificates of the Mesh document or in the rule.',
  ),
  TLS_NO_CLIENT_CERTIFICATE: entry(
    'error',
    'MUTUAL needs a client certificate',
    'The settings name no certificate to present to the host; the cluster gets no endpoints.',
    'Set clientCertificate and privateKey, or credentialName.',
  ),
  TLS_SECRET_NOT_ALLOWED: entry(
    'error',
    'Secret is not sent to this proxy',
    'Private keys go only to proxies that are authenticated or connect from the same machine.',
    'Connect proxies over mutual TLS, or name files of their machine instead of credentialName.',
  ),
  TLS_NAME_NOT_CHECKED: entry(
    'warning',
    'Name of the server is not checked',
    'The chain of the certificate is verified, but not the name in it.',
    'List the names that the server may have in subjectAltNames.',
  ),
  TLS_NOT_FOR_GRPC: entry(
    'error',
    'TLS mode is not for proxyless gRPC',
    'gRPC libraries take certificates only from their own bootstrap.',
    'Use ISTIO_MUTUAL and certificates in the gRPC bootstrap (`meshgate bootstrap --grpc --workload-cert`), or a sidecar.',
  ),
  DNS_NOT_FOR_GRPC: entry(
    'warning',
    'DNS endpoints are not for proxyless gRPC',
    'gRPC libraries take one DNS name per service.',
    'Use resolution STATIC, or a ServiceEntry for each name.',
  ),
  RESOLUTION_NOT_FOR_GRPC: entry(
    'warning',
    'Resolution is not for proxyless gRPC',
    'gRPC libraries cannot go to the address a caller asks for.',
    'Use resolution STATIC or DNS, without PASSTHROUGH.',
  ),
  POLICY_NOT_FOR_GRPC: entry(
    'warning',
    'Policy is not for proxyless gRPC',
    'gRPC libraries do not know this part of the policy; calls work without it.',
    'Use a sidecar where the policy matters.',
  ),
} as const satisfies Readonly<Record<string, CodeEntry>>

export type Code = keyof typeof CODES

/** How bad a diagnostic of this code is. */
export function severityOf(code: Code): Severity {
  return CODES[code].severity
}
