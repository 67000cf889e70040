import * as is from './parts.ts'

/** JSON schemas of the routes about changes. */

const file = is.text('Below the folder of configuration.')
const path = is.text('As complaints and places name it.')
const change = is.one(['added', 'changed', 'deleted'], 'What becomes of the file.')
const withheld = is.one(['secret', 'binary'], 'Why the text is absent.')
const STATES = ['waiting', 'sent', 'ACK', 'NACK', 'offline'] as const
const window = (description: string) => ({
  ...is.part({ seconds: is.whole('How long it is.'), ...is.figures }, is.NO_LATENCY),
  description,
})

export const changeSchemas = [
  is.object('DocumentFile', 'A file of configuration.', {
    file,
    path,
    hash: is.text('SHA-256 of its bytes.'),
    revision: is.whole('The newest revision that changed it.'),
    writable: is.flag('False for what is reached through a link.'),
    objects: is.texts('Keys of the objects in force that come from it.'),
  }),
  is.object(
    'DocumentText',
    'The text of a file after a revision.',
    {
      file,
      path,
      revision: is.whole('The newest revision that changed it, up to the one that was asked for.'),
      hash: is.text('SHA-256 of its bytes.'),
      text: is.text('Absent when it is no UTF-8, or holds private keys the caller may not see.'),
      withheld,
    },
    ['text', 'withheld'],
  ),
  is.object(
    'ChangedFile',
    'A file in a change.',
    { file, change, diff: is.text('Unified; absent when it is withheld.'), withheld },
    ['diff', 'withheld'],
  ),
  is.object(
    'Revision',
    'A step in the history.',
    {
      id: is.whole('Its number; later ones are greater.'),
      parent: is.whole('The revision before; absent for the first.'),
      at: is.moment('When it was made.'),
      who: is.text('Who made it.'),
      why: is.text('The reason that was given; may be empty.'),
      source: is.one(
        ['api', 'files', 'rollback', 'expiry'],
        'How it came: over the API, by a change of the files, as a way back, or because its time was over.',
      ),
      refers: is.whole('The revision a rollback went back to, or took back.'),
      files: is.parts('What it changed.', { file, change }),
    },
    ['parent', 'refers'],
  ),
  is.object(
    'Rule',
    'An object in force.',
    {
      key: is.text('`<kind>/<namespace>/<name>`'),
      kind: is.text('Its kind.'),
      namespace: is.text('Its namespace.'),
      name: is.text('Its name.'),
      hosts: is.texts('Hosts it is for, 10 at most; of message routes the services they lead to.'),
      file: is.text('Below the folder of configuration; absent for what does not come from it.'),
      path: is.text('The file as complaints and places name it.'),
      line: is.whole('Where its document begins, from 1.'),
      errors: is.whole('Complaints about it that are errors.'),
      warnings: is.whole('Complaints about it that are warnings.'),
      changed: {
        ...is.part({
          revision: is.whole('Its number.'),
          at: is.moment('When it was made.'),
          who: is.text('Who made it.'),
        }),
        description: 'The newest revision that changed its file.',
      },
    },
    ['file', 'changed'],
  ),
  is.object('Meaning', 'One thing a change does, in words.', {
    object: is.document('What changes'),
    topic: is.text('What it is about, such as `fault` or `new`.'),
    text: is.inBoth('What the change does.'),
    danger: is.flag('Can stop traffic.'),
    place: is.ref('Place'),
  }),
  is.object('ClassChange', 'What changes on the wire for the proxies of one class.', {
    class: is.text('The properties that make the class, as JSON.'),
    nodes: is.texts('Proxies of the class, 100 at most.'),
    proxies: is.whole('How many there are.'),
    types: is.parts('By type of resources, those that change.', {
      type: is.text('By the letters of its discovery service.'),
      added: is.texts('Names that come.'),
      changed: is.texts('Names whose content changes.'),
      removed: is.texts('Names that go.'),
    }),
  }),
  is.object('Plan', 'What a change would do.', {
    plan: is.text('Identifies the plan; to be sent with apply.'),
    base: is.whole('The newest revision when it was planned.'),
    files: is.listOf('ChangedFile', 'Files it changes.'),
    diagnostics: is.listOf('Diagnostic', 'Complaints about the configuration as it would be.'),
    newErrors: is.listOf('Diagnostic', 'Errors that are not there now; with any, apply refuses.'),
    meaning: is.listOf('Meaning', 'What it does, in words.'),
    classes: is.listOf('ClassChange', 'What changes on the wire.'),
    proxies: is.texts('Connected proxies that hold or will get something that changes.'),
    services: is.texts('Hostnames of services it touches.'),
    callers: is.texts('Workloads that have sent requests to these services, as far as proxies tell.'),
  }),
  is.object(
    'Conflict',
    'Files that somebody else changed in the meantime.',
    {
      code: is.text('Stable, for programs.'),
      message: is.text('For people.'),
      revision: is.whole('The newest one; the base of the next attempt.'),
      conflicts: is.parts(
        'The files, each in three versions.',
        {
          file,
          base: is.text('As it was when the change was begun; absent: not there, or withheld.'),
          theirs: is.text('As somebody else made it; absent: not there, or withheld.'),
          mine: is.text('As this change would make it; absent: not there, or withheld.'),
        },
        ['base', 'theirs', 'mine'],
      ),
    },
    ['revision', 'conflicts'],
  ),
  is.object('RevisionFigures', 'Traffic of the services a revision touches, before it was in force and after.', {
    revision: is.whole('Its number.'),
    appliedAt: is.moment('When it was applied.'),
    until: is.moment('When the figures of five minutes are complete.'),
    reading: is.whole('Proxies whose counters are read.'),
    more: is.whole('Services that are touched besides and left out.'),
    services: is.parts('Services it touches.', {
      hostname: is.text('Full name of the service.'),
      before: window('Before it was applied.'),
      after: window('Since it was applied.'),
      steps: is.parts(
        'Of both windows, where there were requests.',
        { at: is.whole('ms since 1970.'), ...is.figures },
        is.NO_LATENCY,
      ),
    }),
  }),
  is.object('Convergence', 'How far a revision has come.', {
    revision: is.whole('Its number.'),
    inForce: is.flag('Its files have been read.'),
    superseded: is.flag('Another revision came later; these are the states of that moment.'),
    counts: {
      ...is.part({
        waiting: is.whole('Not sent to them yet.'),
        sent: is.whole('Sent, and not answered.'),
        ACK: is.whole('They accepted it.'),
        NACK: is.whole('They refuse it.'),
        offline: is.whole('They left meanwhile.'),
      }),
      description: 'How many proxies are in each state.',
    },
    proxies: is.parts(
      'Proxies that get something that changes.',
      {
        node: is.text('Node id.'),
        state: is.one(STATES, 'How far the revision has come there, as `counts` says.'),
        rejected: {
          ...is.part({
            type: is.text('Type of resources, by the letters of its discovery service.'),
            message: is.text("The proxy's own words."),
            places: is.listOf('Place', 'Where in the documents that comes from.'),
          }),
          description: 'What it refuses, and why; absent where it does not.',
        },
      },
      ['rejected'],
    ),
  }),
] as const
