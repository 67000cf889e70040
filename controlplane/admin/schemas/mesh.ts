import * as is from './parts.ts'

/** JSON schemas of what the API tells of the mesh: services, policies, registries, complaints. */

export const meshSchemas = [
  is.object(
    'About',
    'A control plane.',
    {
      version: is.text('Of meshgate.'),
      node: is.text('Version of Node.js.'),
      objects: is.whole('Objects in force.'),
      defaultNamespace: is.text('Of documents that name none.'),
      xds: is.text('Where proxies connect, `host:port`.'),
      folder: is.text('Of configuration, as it was named at the start.'),
    },
    ['xds', 'folder'],
  ),
  is.object('Error', 'Every answer that is not 2xx.', {
    code: is.text('Stable, for programs.'),
    message: is.text('For people.'),
  }),
  is.object(
    'Drain',
    'How long a backend should go on serving after it left its registry, ms; measured from changes until proxies accepted them.',
    {
      samples: is.whole('Changes that were measured.'),
      p50Ms: is.whole('Half of them took no longer; absent before the first.'),
      p99Ms: is.whole('99 of 100 of them took no longer; absent before the first.'),
      waitMs: is.whole('So long a backend should go on.'),
    },
    ['p50Ms', 'p99Ms'],
  ),
  is.object('Held', 'A list of a registry that lost so much at once that it waits to be confirmed.', {
    what: is.text('What it is a list of: `services of dc1`, or a host.'),
    since: is.moment('Since when it waits.'),
    before: is.whole('How many were on the list that is served.'),
    now: is.whole('How many are on the list that waits.'),
    why: is.one(
      ['shrank', 'went back', 'empty', 'filtered'],
      'How it lost something; `filtered`: it shows that only a part may be seen, as with a token that may not read all.',
    ),
  }),
  is.object(
    'Source',
    'A registry the mesh reads beside its configuration.',
    {
      name: is.text('Where it is.'),
      state: is.one(
        ['syncing', 'ok', 'degraded', 'lost'],
        'lost: it does not answer, and the last good services are served.',
      ),
      services: is.whole('Services it lists.'),
      followed: is.whole('Services somebody is served.'),
      instances: is.whole('Instances of those.'),
      waiting: is.whole('Followed services not read yet.'),
      lastContact: is.moment('When it answered last; absent before the first answer.'),
      ageMs: is.whole('How old what is served may be; 0 while it answers.'),
      error: is.text('The newest complaint; absent while nothing is wrong.'),
      requests: is.whole('Requests sent to it so far.'),
      held: is.listOf('Held', 'What waits to be confirmed.'),
    },
    ['lastContact', 'error'],
  ),
  is.object('Place', 'A place in a document. Lines and columns count from 1.', {
    document: is.text('`<kind>/<namespace>/<name>`'),
    file: is.text('File, or where else the document is kept.'),
    line: is.whole('Line in the file.'),
    column: is.whole('Column in the line.'),
  }),
  is.object(
    'Diagnostic',
    'A complaint about configuration.',
    {
      code: is.text('Stable, for programs; docs/diagnostics.md lists them.'),
      severity: is.one(['error', 'warning', 'info'], 'How bad it is.'),
      message: is.text('What is wrong, for people.'),
      file: is.text('File, or where else the document is kept.'),
      line: is.whole('From 1.'),
      column: is.whole('From 1.'),
      path: is.text('`spec.http[0].route[1].weight`; empty for a whole document or file.'),
      hint: is.text('What to do about it.'),
    },
    ['hint'],
  ),
  is.object('Diagnostics', 'Complaints, worst first.', {
    diagnostics: is.listOf('Diagnostic', 'Worst first, then by place.'),
    summary: {
      ...is.part({ errors: is.whole('How many errors.'), warnings: is.whole('How many warnings.') }),
      description: 'How many there are.',
    },
  }),
  is.object(
    'Step',
    "One step of a request's way through a proxy.",
    {
      step: is.text(
        '`listener`, `virtual-host`, `route`, `fault`, `mirror`, `cluster`, `endpoints`, or `end`; `hidden` is a host that is declared and that the proxy does not see.',
      ),
      name: is.text('Of the resource, or a number of the route.'),
      detail: is.text('What happens here; the English of `text`.'),
      text: is.inBoth('What happens here.'),
      share: is.number('Share of requests that take this way, 0 to 1; absent where it is all of them.'),
      places: is.listOf('Place', 'Lines that decided it.'),
    },
    ['share'],
  ),
  is.object('Explanation', 'The way of a request through a proxy.', {
    steps: is.listOf('Step', 'In order.'),
    outcome: is.one(
      ['endpoints', 'answer', 'none'],
      'Whether the way ends at endpoints, an answer the proxy gives itself, or nowhere.',
    ),
    found: is.flag(
      'Whether requests come to endpoints, or to an answer that a document gives. False where they end nowhere, and where the proxy refuses a host or a destination that nobody declares or that it does not see.',
    ),
  }),
  is.object('ServicePort', 'A port of a service.', {
    number: is.whole('As callers name it.'),
    name: is.text('As documents name it.'),
    protocol: is.text('What is spoken there, such as `http` or `tcp`.'),
    endpoints: is.listOf('Endpoint', 'Where it is served.'),
  }),
  is.object('Endpoint', 'Where a service runs.', {
    address: is.text('IP address or host name.'),
    port: is.whole('Port at that address.'),
    weight: is.whole('Its share beside the others.'),
    health: is.one(['healthy', 'unhealthy', 'draining'], 'As the registry says; what proxies find out is not in it.'),
    labels: { type: 'object', additionalProperties: { type: 'string' }, description: 'What subsets select by.' },
    locality: is.text('`region/zone/subzone`; empty when none is set.'),
    place: is.ref('Place'),
  }),
  is.object('Kind', 'A kind of documents.', {
    kind: is.text('As documents write it.'),
    group: is.text('API group; empty is the core group of Kubernetes.'),
    versions: is.texts('The preferred one first.'),
    doc: is.text('What it is for.'),
    compiled: is.flag('Whether documents of the kind change what proxies get.'),
  }),
  is.object('Service', 'A host of the registry.', {
    hostname: is.text('Full name.'),
    namespace: is.text('Namespace it is declared in.'),
    resolution: is.one(['STATIC', 'DNS', 'DNS_ROUND_ROBIN', 'DYNAMIC_DNS', 'NONE'], 'How its addresses are found.'),
    meshExternal: is.flag('Whether it is none of the mesh.'),
    addresses: is.texts('Addresses that stand for it.'),
    exportTo: is.texts('Namespaces that see it; `*` is all of them.'),
    endpointsKnown: is.flag('False while a registry has not been asked for its endpoints: nobody is served them.'),
    ports: is.listOf('ServicePort', 'Its ports.'),
    place: is.ref('Place'),
  }),
  is.object(
    'Policy',
    'One thing one rule does to services.',
    {
      topic: is.one(
        ['split', 'circuitBreaking', 'fault', 'timeoutRetry', 'mirror', 'loadBalancing', 'messageRoutes'],
        'What it is about.',
      ),
      document: is.text('`<kind>/<namespace>/<name>`'),
      path: is.text('`spec.http[0].fault`'),
      place: is.ref('Place'),
      services: is.texts('Full names of the services it is for.'),
      match: is.text('The condition it stands under, in short; empty for every request.'),
      values: is.parts('Fields and their values; for splits and message routes, destinations and their weights.', {
        name: is.text('Field or destination.'),
        value: is.text('Its value or weight.'),
      }),
      expiresAt: is.moment('When it ends by itself.'),
    },
    ['expiresAt'],
  ),
  is.object('TopologyNode', 'A service, a way in, or a caller.', {
    id: is.text('Edges name it by this.'),
    kind: is.one(
      ['service', 'gateway', 'host', 'workload'],
      'service: a host of the registry; gateway: a way in; host: named by a rule and not in the registry; workload: a caller that is no service.',
    ),
    name: is.text('For people.'),
    namespace: is.text('Empty where it has none.'),
    endpoints: is.whole('Where a service runs; of the port with most.'),
    policies: is.texts('Topics of policies that rules have for it.'),
  }),
  is.object(
    'TopologyEdge',
    'A call, as a rule says or as proxies report.',
    {
      from: is.text('Id of the node that calls.'),
      to: is.text('Id of the node that is called.'),
      configured: is.flag('Whether a rule says so.'),
      issued: is.whole('Requests that proxies reported; absent when nothing is known.'),
      failed: is.whole('Of these requests, those that failed; absent as `issued`.'),
      recent: {
        ...is.part(
          {
            seconds: is.whole(
              'How long the window is; less than asked for where traffic has not been counted that long.',
            ),
            requests: is.whole('Requests.'),
            failed: is.whole('Of these, those that failed.'),
            ...is.times,
          },
          is.NO_LATENCY,
        ),
        description: 'Of the last minutes; absent where proxies told of no requests.',
      },
      document: is.document('The rule'),
    },
    ['issued', 'failed', 'recent', 'document'],
  ),
  is.object('Topology', 'Who calls whom.', {
    nodes: is.listOf('TopologyNode', 'Who is there.'),
    edges: is.listOf('TopologyEdge', 'Calls between them.'),
  }),
  is.object('MessageProtocol', 'A private protocol.', {
    name: is.text('Ports named for it speak it.'),
    document: is.document('The Protocol'),
    fields: is.texts('Fields that routes may name.'),
    maps: is.texts('Maps, whose entries routes name as `map.key`.'),
  }),
  is.object(
    'DecodedFrames',
    'What a Protocol document makes of bytes.',
    {
      errors: is.parts('Why the document gives no frames; the bytes were then not looked at.', {
        path: { type: 'array', description: 'Of the field.', items: { type: ['string', 'integer'] } },
        message: is.text('What is wrong.'),
      }),
      frames: is.parts(
        'Frames in the order of the bytes.',
        {
          at: is.whole('Offset of its first byte.'),
          length: is.whole('Bytes.'),
          kind: is.text('request, response and so on; absent where it has a problem.'),
          problem: is.text('Why it is no frame that can be used.'),
          id: is.text('What joins a reply with its request; absent where it is 0.'),
          status: is.whole('The code of a response; absent where it is 0.'),
          timeoutMs: is.whole('How long the client waits, ms.'),
          error: is.flag('Whether it is an error reply.'),
          more: is.flag('Whether more frames of the reply follow.'),
          fields: is.parts(
            'In the order of their place in the frame, bytes that no field has among them.',
            {
              name: is.text('Absent of bytes that no field has.'),
              start: is.whole('Offset from the first byte of the frame.'),
              end: is.whole('The same of the byte behind it.'),
              hex: is.text('Its bytes, 100 at most.'),
              value: is.text('Its value, 200 characters at most.'),
              label: is.text('The name of the value.'),
              role: is.text('What the field is to the proxy: length, kind, id and so on.'),
              expected: is.text('Of a checksum that is wrong: what the bytes make.'),
            },
            ['name', 'value', 'label', 'role', 'expected'],
          ),
        },
        ['kind', 'problem', 'id', 'status', 'timeoutMs'],
      ),
      sided: is.flag('Whether frames of client and upstream are laid out differently.'),
      cut: is.flag('Whether there are more frames than are shown.'),
      stopped: {
        ...is.part(
          {
            at: is.whole('Offset of the bytes that are no frame.'),
            error: is.text('Why they are none.'),
            needs: is.whole('Bytes that the frame would need, which is cut off.'),
          },
          ['error', 'needs'],
        ),
        description: 'Where decoding ended before the end of the bytes, and why.',
      },
    },
    ['stopped'],
  ),
  is.object('MaglevPreview', 'A Maglev table as Envoy builds it.', {
    tableSize: is.whole('Slots, a prime.'),
    endpoints: is.parts('All endpoints, and what each has of the table.', {
      address: is.text('`address:port`'),
      weight: is.whole('Its weight beside the others.'),
      share: is.number('Share of keys, 0 to 1.'),
      moved: is.number('Share of keys that go elsewhere when it leaves, its own included.'),
    }),
    keys: is.parts(
      'The keys that were asked for.',
      {
        key: is.text('As it was asked for.'),
        address: is.text('Where it goes.'),
        without: is.text('Where it goes when that endpoint leaves.'),
      },
      ['address', 'without'],
    ),
  }),
] as const
