import { figures, listOf, object, ref } from '../schemas.ts'

/** JSON schemas of the routes about changes. */

const string = { type: 'string' } as const
const integer = { type: 'integer' } as const
const boolean = { type: 'boolean' } as const
const strings = { type: 'array', items: string } as const
const time = { type: 'string', format: 'date-time' } as const
const role = { type: 'string', enum: ['viewer', 'editor', 'admin'] } as const
const source = { type: 'string', enum: ['api', 'files', 'rollback', 'expiry'] } as const
const window = {
  type: 'object',
  properties: { seconds: { ...integer, description: 'How long it is.' }, ...figures },
  required: ['seconds', 'requests', 'failed'],
} as const

export const changeSchemas = [
  object('DocumentFile', 'A file of configuration.', {
    file: { ...string, description: 'Below the folder of configuration.' },
    path: { ...string, description: 'As complaints and places name it.' },
    hash: { ...string, description: 'SHA-256 of its bytes.' },
    revision: { ...integer, description: 'The newest revision that changed it.' },
    writable: { ...boolean, description: 'False for what is reached through a link.' },
    objects: { ...strings, description: 'Keys of the objects in force that come from it.' },
  }),
  object(
    'DocumentText',
    'The text of a file after a revision.',
    {
      file: string,
      path: string,
      revision: integer,
      hash: string,
      text: { ...string, description: 'Absent when it is no UTF-8, or holds private keys the caller may not see.' },
      withheld: { ...string, enum: ['secret', 'binary'], description: 'Why the text is absent.' },
    },
    ['text', 'withheld'],
  ),
  object(
    'ChangedFile',
    'A file in a change.',
    {
      file: string,
      change: { ...string, enum: ['added', 'changed', 'deleted'] },
      diff: { ...string, description: 'Unified; absent when it is withheld.' },
      withheld: { ...string, enum: ['secret', 'binary'] },
    },
    ['diff', 'withheld'],
  ),
  object(
    'Revision',
    'A step in the history.',
    {
      id: integer,
      parent: integer,
      at: time,
      who: string,
      why: string,
      source,
      refers: { ...integer, description: 'The revision a rollback went back to, or took back.' },
      files: {
        type: 'array',
        items: {
          type: 'object',
          properties: { file: string, change: { ...string, enum: ['added', 'changed', 'deleted'] } },
          required: ['file', 'change'],
        },
      },
    },
    ['parent', 'refers'],
  ),
  object(
    'Rule',
    'An object in force.',
    {
      key: { ...string, description: '`<kind>/<namespace>/<name>`' },
      kind: string,
      namespace: string,
      name: string,
      hosts: { ...strings, description: 'Hosts it is for, 10 at most; of message routes the services they lead to.' },
      file: { ...string, description: 'Below the folder of configuration; absent for what does not come from it.' },
      path: { ...string, description: 'The file as complaints and places name it.' },
      line: integer,
      errors: integer,
      warnings: integer,
      changed: {
        type: 'object',
        description: 'The newest revision that changed its file.',
        properties: { revision: integer, at: time, who: string },
        required: ['revision', 'at', 'who'],
      },
    },
    ['file', 'changed'],
  ),
  object('Meaning', 'One thing a change does, in words.', {
    object: { ...string, description: '`<kind>/<namespace>/<name>`' },
    topic: string,
    text: { type: 'object', properties: { en: string, zh: string }, required: ['en', 'zh'] },
    danger: { ...boolean, description: 'Can stop traffic.' },
    place: ref('Place'),
  }),
  object('ClassChange', 'What changes on the wire for the proxies of one class.', {
    class: { ...string, description: 'The properties that make the class, as JSON.' },
    nodes: { ...strings, description: 'Proxies of the class, 100 at most.' },
    proxies: integer,
    types: {
      type: 'array',
      items: {
        type: 'object',
        properties: { type: string, added: strings, changed: strings, removed: strings },
        required: ['type', 'added', 'changed', 'removed'],
      },
    },
  }),
  object('Plan', 'What a change would do.', {
    plan: { ...string, description: 'Identifies the plan; to be sent with apply.' },
    base: { ...integer, description: 'The newest revision when it was planned.' },
    files: listOf('ChangedFile'),
    diagnostics: listOf('Diagnostic'),
    newErrors: { ...listOf('Diagnostic'), description: 'Errors that are not there now; with any, apply refuses.' },
    meaning: listOf('Meaning'),
    classes: listOf('ClassChange'),
    proxies: { ...strings, description: 'Connected proxies that hold or will get something that changes.' },
    services: { ...strings, description: 'Hostnames of services it touches.' },
    callers: {
      ...strings,
      description: 'Workloads that have sent requests to these services, as far as proxies tell.',
    },
  }),
  object(
    'Conflict',
    'Files that somebody else changed in the meantime.',
    {
      code: string,
      message: string,
      revision: { ...integer, description: 'The newest one; the base of the next attempt.' },
      conflicts: {
        type: 'array',
        items: {
          type: 'object',
          properties: {
            file: string,
            base: { ...string, description: 'As it was when the change was begun; absent: not there, or withheld.' },
            theirs: string,
            mine: string,
          },
          required: ['file'],
        },
      },
    },
    ['revision', 'conflicts'],
  ),
  object('RevisionFigures', 'Traffic of the services a revision touches, before it was in force and after.', {
    revision: integer,
    appliedAt: time,
    until: { ...time, description: 'When the figures of five minutes are complete.' },
    reading: { ...integer, description: 'Proxies whose counters are read.' },
    more: { ...integer, description: 'Services that are touched besides and left out.' },
    services: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          hostname: string,
          before: window,
          after: window,
          steps: {
            type: 'array',
            description: 'Of both windows, where there were requests.',
            items: {
              type: 'object',
              properties: { at: { ...integer, description: 'ms since 1970.' }, ...figures },
              required: ['at', 'requests', 'failed'],
            },
          },
        },
        required: ['hostname', 'before', 'after', 'steps'],
      },
    },
  }),
  object('Convergence', 'How far a revision has come.', {
    revision: integer,
    inForce: { ...boolean, description: 'Its files have been read.' },
    superseded: { ...boolean, description: 'Another revision came later; these are the states of that moment.' },
    counts: {
      type: 'object',
      properties: { waiting: integer, sent: integer, ACK: integer, NACK: integer, offline: integer },
      required: ['waiting', 'sent', 'ACK', 'NACK', 'offline'],
    },
    proxies: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          node: string,
          state: { ...string, enum: ['waiting', 'sent', 'ACK', 'NACK', 'offline'] },
          rejected: {
            type: 'object',
            properties: { type: string, message: string, places: listOf('Place') },
            required: ['type', 'message', 'places'],
          },
        },
        required: ['node', 'state'],
      },
    },
  }),
  object(
    'Session',
    'Who is asking.',
    {
      user: string,
      role,
      via: { ...string, enum: ['open', 'session', 'token', 'certificate'] },
      csrf: { ...string, description: 'To be sent as x-csrf-token with every write of this session.' },
      readOnly: {
        type: 'object',
        description:
          'Nobody can change the configuration here, whatever their role: another process keeps its history.',
        properties: { reason: string, api: { ...string, description: 'Where it can be changed, if that is known.' } },
        required: ['reason'],
      },
    },
    ['csrf', 'readOnly'],
  ),
  object('User', 'Somebody who may log in.', { name: string, role, created: time }),
  object(
    'Token',
    'A token of a script.',
    { id: string, name: string, user: string, role, created: time, expires: time },
    ['user', 'expires'],
  ),
  object('AuditEntry', 'Who did or tried what.', {
    id: integer,
    at: time,
    who: string,
    peer: string,
    action: string,
    outcome: { ...string, enum: ['done', 'refused', 'failed'] },
    detail: string,
    times: integer,
  }),
] as const

/** A revision in a path. */
export const revisionParams = {
  type: 'object',
  properties: { revision: { type: 'integer', minimum: 0, description: 'Number of the revision.' } },
  required: ['revision'],
} as const

/** A list under a name. */
export const named = (name: string, schema: string) => ({
  type: 'object',
  properties: { [name]: listOf(schema) },
  required: [name],
})
