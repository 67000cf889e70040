import {
  document,
  figures,
  flag,
  inBoth,
  listOf,
  moment,
  NO_LATENCY,
  object,
  one,
  part,
  parts,
  ref,
  text,
  texts,
  whole,
} from '../schemas.ts'

/** JSON schemas of the routes about changes. */

const role = one(['viewer', 'editor', 'admin'], 'Viewers read and plan, editors apply, admins manage users.')
const file = text('Below the folder of configuration.')
const path = text('As complaints and places name it.')
const change = one(['added', 'changed', 'deleted'], 'What becomes of the file.')
const withheld = one(['secret', 'binary'], 'Why the text is absent.')
const STATES = ['waiting', 'sent', 'ACK', 'NACK', 'offline'] as const
const window = (description: string) => ({
  ...part({ seconds: whole('How long it is.'), ...figures }, NO_LATENCY),
  description,
})

export const changeSchemas = [
  object('DocumentFile', 'A file of configuration.', {
    file,
    path,
    hash: text('SHA-256 of its bytes.'),
    revision: whole('The newest revision that changed it.'),
    writable: flag('False for what is reached through a link.'),
    objects: texts('Keys of the objects in force that come from it.'),
  }),
  object(
    'DocumentText',
    'The text of a file after a revision.',
    {
      file,
      path,
      revision: whole('The newest revision that changed it, up to the one that was asked for.'),
      hash: text('SHA-256 of its bytes.'),
      text: text('Absent when it is no UTF-8, or holds private keys the caller may not see.'),
      withheld,
    },
    ['text', 'withheld'],
  ),
  object(
    'ChangedFile',
    'A file in a change.',
    { file, change, diff: text('Unified; absent when it is withheld.'), withheld },
    ['diff', 'withheld'],
  ),
  object(
    'Revision',
    'A step in the history.',
    {
      id: whole('Its number; later ones are greater.'),
      parent: whole('The revision before; absent for the first.'),
      at: moment('When it was made.'),
      who: text('Who made it.'),
      why: text('The reason that was given; may be empty.'),
      source: one(
        ['api', 'files', 'rollback', 'expiry'],
        'How it came: over the API, by a change of the files, as a way back, or because its time was over.',
      ),
      refers: whole('The revision a rollback went back to, or took back.'),
      files: parts('What it changed.', { file, change }),
    },
    ['parent', 'refers'],
  ),
  object(
    'Rule',
    'An object in force.',
    {
      key: text('`<kind>/<namespace>/<name>`'),
      kind: text('Its kind.'),
      namespace: text('Its namespace.'),
      name: text('Its name.'),
      hosts: texts('Hosts it is for, 10 at most; of message routes the services they lead to.'),
      file: text('Below the folder of configuration; absent for what does not come from it.'),
      path: text('The file as complaints and places name it.'),
      line: whole('Where its document begins, from 1.'),
      errors: whole('Complaints about it that are errors.'),
      warnings: whole('Complaints about it that are warnings.'),
      changed: {
        ...part({
          revision: whole('Its number.'),
          at: moment('When it was made.'),
          who: text('Who made it.'),
        }),
        description: 'The newest revision that changed its file.',
      },
    },
    ['file', 'changed'],
  ),
  object('Meaning', 'One thing a change does, in words.', {
    object: document('What changes'),
    topic: text('What it is about, such as `fault` or `new`.'),
    text: inBoth('What the change does.'),
    danger: flag('Can stop traffic.'),
    place: ref('Place'),
  }),
  object('ClassChange', 'What changes on the wire for the proxies of one class.', {
    class: text('The properties that make the class, as JSON.'),
    nodes: texts('Proxies of the class, 100 at most.'),
    proxies: whole('How many there are.'),
    types: parts('By type of resources, those that change.', {
      type: text('By the letters of its discovery service.'),
      added: texts('Names that come.'),
      changed: texts('Names whose content changes.'),
      removed: texts('Names that go.'),
    }),
  }),
  object('Plan', 'What a change would do.', {
    plan: text('Identifies the plan; to be sent with apply.'),
    base: whole('The newest revision when it was planned.'),
    files: listOf('ChangedFile', 'Files it changes.'),
    diagnostics: listOf('Diagnostic', 'Complaints about the configuration as it would be.'),
    newErrors: listOf('Diagnostic', 'Errors that are not there now; with any, apply refuses.'),
    meaning: listOf('Meaning', 'What it does, in words.'),
    classes: listOf('ClassChange', 'What changes on the wire.'),
    proxies: texts('Connected proxies that hold or will get something that changes.'),
    services: texts('Hostnames of services it touches.'),
    callers: texts('Workloads that have sent requests to these services, as far as proxies tell.'),
  }),
  object(
    'Conflict',
    'Files that somebody else changed in the meantime.',
    {
      code: text('Stable, for programs.'),
      message: text('For people.'),
      revision: whole('The newest one; the base of the next attempt.'),
      conflicts: parts(
        'The files, each in three versions.',
        {
          file,
          base: text('As it was when the change was begun; absent: not there, or withheld.'),
          theirs: text('As somebody else made it; absent: not there, or withheld.'),
          mine: text('As this change would make it; absent: not there, or withheld.'),
        },
        ['base', 'theirs', 'mine'],
      ),
    },
    ['revision', 'conflicts'],
  ),
  object('RevisionFigures', 'Traffic of the services a revision touches, before it was in force and after.', {
    revision: whole('Its number.'),
    appliedAt: moment('When it was applied.'),
    until: moment('When the figures of five minutes are complete.'),
    reading: whole('Proxies whose counters are read.'),
    more: whole('Services that are touched besides and left out.'),
    services: parts('Services it touches.', {
      hostname: text('Full name of the service.'),
      before: window('Before it was applied.'),
      after: window('Since it was applied.'),
      steps: parts(
        'Of both windows, where there were requests.',
        { at: whole('ms since 1970.'), ...figures },
        NO_LATENCY,
      ),
    }),
  }),
  object('Convergence', 'How far a revision has come.', {
    revision: whole('Its number.'),
    inForce: flag('Its files have been read.'),
    superseded: flag('Another revision came later; these are the states of that moment.'),
    counts: {
      ...part({
        waiting: whole('Not sent to them yet.'),
        sent: whole('Sent, and not answered.'),
        ACK: whole('They accepted it.'),
        NACK: whole('They refuse it.'),
        offline: whole('They left meanwhile.'),
      }),
      description: 'How many proxies are in each state.',
    },
    proxies: parts(
      'Proxies that get something that changes.',
      {
        node: text('Node id.'),
        state: one(STATES, 'How far the revision has come there, as `counts` says.'),
        rejected: {
          ...part({
            type: text('Type of resources, by the letters of its discovery service.'),
            message: text("The proxy's own words."),
            places: listOf('Place', 'Where in the documents that comes from.'),
          }),
          description: 'What it refuses, and why; absent where it does not.',
        },
      },
      ['rejected'],
    ),
  }),
  object(
    'Session',
    'Who is asking.',
    {
      user: text('Name; `local` where no users are defined.'),
      role,
      via: one(
        ['open', 'session', 'token', 'certificate'],
        'How that is known; open: no users are defined, and this is loopback.',
      ),
      csrf: text('To be sent as x-csrf-token with every write of this session.'),
      readOnly: {
        ...part({ reason: text('Why.'), api: text('Where it can be changed, if that is known.') }, ['api']),
        description:
          'Nobody can change the configuration here, whatever their role: another process keeps its history.',
      },
    },
    ['csrf', 'readOnly'],
  ),
  object('User', 'Somebody who may log in.', {
    name: text('To log in with.'),
    role,
    created: moment('When the user was added.'),
  }),
  object(
    'Token',
    'A token of a script.',
    {
      id: text('To revoke it by; not its secret.'),
      name: text('What it is for.'),
      user: text('Who made it; absent where no users were defined.'),
      role,
      created: moment('When it was made.'),
      expires: moment('When it ends; absent: never.'),
    },
    ['user', 'expires'],
  ),
  object('AuditEntry', 'Who did or tried what.', {
    id: whole('Its number; later ones are greater.'),
    at: moment('When.'),
    who: text('User or token; empty where that is not known.'),
    peer: text('Address it came from.'),
    action: text('`POST /api/v1/apply`'),
    outcome: one(['done', 'refused', 'failed'], 'What became of it.'),
    detail: text('What more there is to say.'),
    times: whole('How often the same happened within a moment; counted as one entry.'),
  }),
] as const

/** A revision in a path. */
export const revisionParams = {
  type: 'object',
  properties: { revision: { type: 'integer', minimum: 0, description: 'Number of the revision.' } },
  required: ['revision'],
} as const

/** A list under a name. */
export const named = (name: string, schema: string, description: string) =>
  part({ [name]: listOf(schema, description) })
